import type { Settings } from '../../infra/config/settings.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import { StorageSweep } from '../../producers/gc/storage-sweep.ts';

/** What was begun longer ago than this and not ended never will be: nothing of ours takes half as long. */
const STALE_MS = 3_600_000;

/** How this installation's object storage is swept. */
export function storageSweep({
  settings,
  collections,
  s3,
  now,
}: {
  settings: Settings;
  collections: Collections;
  s3: S3Client;
  /** The installation's time, epoch milliseconds. */
  now: () => number;
}): StorageSweep {
  return new StorageSweep({
    s3,
    buckets: {
      logs: settings.S3_LOG_BUCKET,
      state: settings.S3_STATE_BUCKET,
      queries: settings.S3_QUERY_BUCKET,
    },
    collections,
    policy: {
      graceMs: settings.GC_GRACE,
      maxSharePercent: settings.GC_MAX_SHARE,
      keepLogDays: settings.LOG_KEEP_DAYS,
      keepArchives: settings.STATE_KEEP_ARCHIVES,
      staleMs: STALE_MS,
    },
    now,
  });
}

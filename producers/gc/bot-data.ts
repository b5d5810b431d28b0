import type { Collections } from '../../infra/mongo/collections.ts';
import { HAS_ENDED } from '../../infra/mongo/indexed-queries.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import { BucketMissing } from '../../infra/s3/errors.ts';
import { FINAL_RUN_STATES } from '../../model/runs.ts';
import { placeOf, prefixesOf, type BucketKind } from './keys.ts';

export type Buckets = Readonly<Record<BucketKind, string>>;
export type ObjectStore = Pick<S3Client, 'bulk'>;
/**
 * What we ourselves keep of a bot’s objects, and what operators wanted of it: worthless without it. What else there is expires,
 * or its keepers forget it. The records of a schedule’s runs stay, but for what they hold of its owner’s secrets.
 */
export type BotRecords = Pick<Collections, 'botLogs' | 'botState' | 'holds' | 'restarts' | 'runs'>;

/** What was deleted of a bot. `refused`: what S3 would not delete, in words. */
export type Gone = { objects: number; bytes: number; refused: string[] };

/**
 * Deletes all that belongs to one bot from the buckets, and adds it to `gone`, which is true whatever is thrown. `mayGo` is
 * asked before each deletion: false once the bot was made again. Gives whether it has all gone.
 */
export async function removeBotData(
  s3: ObjectStore,
  buckets: Buckets,
  { id, mayGo, gone, signal }: { id: string; mayGo: () => Promise<boolean>; gone: Gone; signal: AbortSignal },
): Promise<boolean> {
  for (const [kind, prefix] of prefixesOf(id)) {
    const bucket = buckets[kind];
    for await (const page of pagesOf(s3, bucket, prefix, signal)) {
      const mine = page.filter(({ key }) => placeOf(kind, key)?.id === id);
      if (mine.length === 0) continue;
      if (!(await mayGo())) return false;
      const { removed, refused } = await s3.bulk.removeMany(
        bucket,
        mine.map(({ key }) => key),
        { signal },
      );
      const names = new Set(refused.map(({ key }) => key));
      gone.objects += removed;
      gone.bytes += mine.reduce((sum, { key, bytes }) => (names.has(key) ? sum : sum + bytes), 0);
      gone.refused.push(...refused.map(({ key, reason }) => `${bucket}/${key}: ${reason}`));
    }
  }
  return gone.refused.length === 0;
}

/** Deletes our own records of bots and schedules; after their objects, so that what is left half done is found again. */
export async function removeBotRecords(records: BotRecords, ids: readonly string[]): Promise<void> {
  const byId = { _id: { $in: [...ids] } };
  await Promise.all([
    records.botLogs.deleteMany(byId),
    records.botState.deleteMany(byId),
    records.holds.deleteMany(byId),
    records.restarts.deleteMany(byId),
    // An override was written as its owner gave it, keys and all, and is needed only as long as the run may start.
    records.runs.updateMany(
      {
        scheduleId: { $in: [...ids] },
        kind: 'manual',
        state: { $in: [...FINAL_RUN_STATES] },
        'request.configOverride': { $exists: true },
        ...HAS_ENDED,
      },
      { $unset: { 'request.configOverride': '' } },
    ),
  ]);
}

/** A bucket that is not there holds nothing. */
async function* pagesOf(
  s3: ObjectStore,
  bucket: string,
  prefix: string,
  signal: AbortSignal,
): ReturnType<S3Client['bulk']['pages']> {
  try {
    yield* s3.bulk.pages(bucket, prefix, { signal });
  } catch (error) {
    if (!(error instanceof BucketMissing)) throw error;
  }
}

import { messageOf } from '../../infra/message-of.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

const RETRY_EVERY_MS = 5_000;

/**
 * Sees to the buckets that the runtime owns (contract §4): without them the platform answers 500 to whoever asks for a log.
 * Goes on while S3 is away; resolves when it is done, or cannot be, or the process ends. Never rejects.
 */
export function ensureBuckets(
  { settings, lifecycle, log, health }: RoleContext,
  { s3 }: Services,
): Promise<void> {
  const buckets = [settings.S3_LOG_BUCKET, settings.S3_STATE_BUCKET, settings.S3_QUERY_BUCKET];
  const { signal } = lifecycle;
  health.degrade('buckets', 'the buckets of logs, state and query results are not seen to yet');
  const ensured = untilSucceeds(
    'S3, to see to the buckets of logs, state and query results',
    () => Promise.all(buckets.map((bucket) => s3.ensureBucket(bucket, { signal }))),
    { everyMs: RETRY_EVERY_MS, signal, log },
  ).then(
    () => health.degrade('buckets', undefined),
    (error: unknown) => {
      if (signal.aborted) return;
      log.error({ error: messageOf(error) }, 'The buckets cannot be seen to: logs and state are not saved');
      health.degrade('buckets', messageOf(error));
    },
  );
  lifecycle.onStop('buckets', () => ensured);
  return ensured;
}

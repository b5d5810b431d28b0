import { setTimeout as sleep } from 'node:timers/promises';
import type { Collections } from '../../infra/mongo/collections.ts';
import { BucketMissing, S3Unavailable } from '../../infra/s3/errors.ts';
import { notFound, Unreachable } from '../errors.ts';
import type { Target } from '../target.ts';
import { readStored, type StoredOptions } from './stored.ts';

/** How long a person waits for the newest lines to be saved. */
const SAVED_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 100;

/** Lines of a bot's or schedule's log. Throws `CliError` where there is neither such a bot nor a log of it: one that is gone may have left one. */
export async function readLog(
  target: Target,
  collections: Collections,
  id: string,
  options: StoredOptions,
): Promise<string[]> {
  const { settings, origin } = target;
  // Loaded only at its use, as the queues below, so that other commands answer sooner.
  const { S3Client, s3Options } = await import('../../infra/s3/client.ts');
  using s3 = new S3Client(s3Options(settings));
  try {
    const lines = await readStored(s3, settings.S3_LOG_BUCKET, id, options);
    if (lines.length > 0 || (await isKnown(collections, id))) return lines;
    const log = await s3.list(settings.S3_LOG_BUCKET, `logs/${id}/`, { limit: 1 });
    if (log.length === 0) throw notFound('bot or schedule', id);
    return lines;
  } catch (error) {
    // Nothing was ever saved.
    if (error instanceof BucketMissing) return [];
    if (error instanceof S3Unavailable)
      throw new Unreachable('S3', `S3_ENDPOINT, ${origin}`, error.message, { cause: error });
    throw error;
  }
}

async function isKnown({ bots, schedules }: Collections, id: string): Promise<boolean> {
  const found = await Promise.all(
    [bots, schedules].map((documents) => documents.findOne({ id }, { projection: { _id: 1 } })),
  );
  return found.some((document) => document !== null);
}

/** Has what the bot printed by now saved, as far as that is done soon: it is only the newest lines that may be missing. */
export async function saveNow(target: Target, { botLogs }: Collections, id: string): Promise<void> {
  const savedAt = async (): Promise<number> =>
    (await botLogs.findOne({ _id: id }, { projection: { flushedAt: 1 } }))?.flushedAt.getTime() ?? 0;
  const before = await savedAt();
  const deadline = performance.now() + SAVED_WITHIN_MS;
  const { withDataQueues } = await import('../data-queues.ts');
  await withDataQueues(target, (queues) =>
    queues.add([{ queue: 'log-flush', job: { botId: id, cause: 'a person reads it' } }]),
  );
  while (performance.now() < deadline && (await savedAt()) === before) await sleep(LOOK_EVERY_MS);
}

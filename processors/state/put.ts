import type { FileHandle } from 'node:fs/promises';
import { ConditionFailed, isMissing, ObjectMissing } from '../../infra/s3/errors.ts';
import type { ObjectStat } from '../../infra/s3/client.ts';
import type { FileFacts } from '../../infra/s3/write-file.ts';
import type { ArchiveStore, StateDeps } from './deps.ts';
import { archiveKey, historyEnd, historyKey, historyPrefix } from './keys.ts';
import { underLease } from './lease.ts';
import { messageOf } from '../../infra/message-of.ts';

/** The archive that is there; null where there is none. */
export async function statArchive(
  { s3, bucket }: Pick<ArchiveStore, 's3' | 'bucket'>,
  id: string,
  signal?: AbortSignal,
): Promise<ObjectStat | null> {
  try {
    return await s3.stat(bucket, archiveKey(id), signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof ObjectMissing) return null;
    throw error;
  }
}

export type Replacement = FileFacts & {
  file: FileHandle;
  /** Etag of the archive that is to be replaced; null: there is none. */
  known: string | null;
  metadata: Readonly<Record<string, string>>;
};

/** What writing archives takes. */
export type PutDeps = ArchiveStore & Pick<StateDeps, 'conditions' | 'leases' | 'owner' | 'log' | 'now'>;

/**
 * Replaces a bot's archive by a complete one, if it is still the one that is known; the earlier one is kept beside. Throws
 * `ConditionFailed` where somebody else was quicker.
 */
export async function putArchive(
  deps: PutDeps,
  id: string,
  { file, known, metadata, ...facts }: Replacement,
  signal: AbortSignal,
): Promise<{ etag: string }> {
  const { s3, bucket } = deps;
  let kept: string[] = [];
  const put = async (
    condition: { ifEtag?: string | null },
    signal: AbortSignal,
  ): Promise<{ etag: string }> => {
    if (known !== null) kept = await keepEarlier(deps, id, known, signal);
    const options = { contentType: 'application/gzip', metadata, ...facts, ...condition, signal };
    return s3.writeFile(bucket, archiveKey(id), file, options);
  };
  const written = (await deps.conditions())
    ? await put({ ifEtag: known }, signal)
    : await underLease(deps, `state-archive:${id}`, signal, async (alone) => {
        if (((await statArchive(deps, id, alone))?.etag ?? null) !== known)
          throw new ConditionFailed(bucket, archiveKey(id));
        return put({}, alone);
      });
  await dropOldest(deps, id, kept, signal);
  return written;
}

/**
 * Copies the archive that is known to be there, within S3; once, however often its replacement is tried. Tells the keys of
 * all that are kept, oldest first. Throws `ConditionFailed` where it is another by now.
 */
export async function keepEarlier(
  { s3, bucket, limits, now }: PutDeps,
  id: string,
  etag: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (limits.keepArchives === 0) return [];
  const kept = (await s3.list(bucket, historyPrefix(id), { signal })).map(({ key }) => key);
  if (kept.at(-1)?.endsWith(historyEnd(etag)) === true) return kept;
  const key = historyKey(id, new Date(now()), etag);
  try {
    await s3.conditional.copy(bucket, archiveKey(id), key, { etag, signal });
  } catch (error) {
    if (isMissing(error)) throw new ConditionFailed(bucket, archiveKey(id), { cause: error });
    throw error;
  }
  return [...kept, key];
}

/** Best effort: what is left goes with the next one. */
async function dropOldest(
  deps: PutDeps,
  id: string,
  kept: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { s3, bucket, limits, log } = deps;
  const old = kept.slice(0, Math.max(0, kept.length - limits.keepArchives));
  if (old.length === 0) return;
  try {
    await s3.bulk.removeMany(bucket, old, { signal });
  } catch (error) {
    log.debug({ botId: id, error: messageOf(error) }, 'Earlier state archives were not swept');
  }
}

import { ConditionFailed } from '../../infra/s3/errors.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { LABEL } from '../../model/labels.ts';
import { stateVolumeName } from '../../model/names.ts';
import { cleanPath, scanArchive } from './archive-scan.ts';
import { writeArchiveFile, type Collected } from './archive-tar.ts';
import type { Collection } from './collect.ts';
import { collectThroughEngine } from './collect-engine.ts';
import { collectLocally } from './collect-local.ts';
import type { StateDeps } from './deps.ts';
import { BadState, StateChanged, StateTooLarge } from './errors.ts';
import { archiveKey } from './keys.ts';
import { boundedProblems, contentDigest, listingFingerprint, problemLine } from './manifest.ts';
import { excessOf } from './limits.ts';
import { MARK, volumeMark } from './mark.ts';
import { previousVersions } from './previous.ts';
import { putArchive } from './put.ts';
import { examineArchive, type StateRecords } from './records.ts';
import { recovered } from './recover.ts';
import { Spool } from './spool.ts';
import { inTemporaryFile, withDownload } from './temporary.ts';

/** What came of a save. `again`: some of it is to be saved soon, since it changed while it was read. */
export type SaveResult =
  | { kind: 'saved'; bytes: number; files: number; problems: string[]; again: boolean }
  | { kind: 'unchanged'; problems: string[]; again: boolean }
  /** The platform changed or deleted the archive, or a person did: that wins, and nothing is saved until the bot has it. */
  | { kind: 'platform' }
  /** There is nothing of the bot yet that could be saved: its volume is missing, new, or being filled. */
  | { kind: 'not-ready'; reason: string }
  | { kind: 'too-large'; reason: string };

type Known = BotStateDocument & { etag: string | null; volume: string };

/**
 * Saves a bot's state as it is now, running or not. Throws classes of `infra/s3/errors.ts` and `infra/engine/errors.ts`,
 * `StateChanged`, or MongoDB's: what is retryable changed nothing.
 */
export async function saveState(
  deps: StateDeps,
  records: StateRecords,
  id: string,
  signal: AbortSignal,
): Promise<SaveResult> {
  const { engine, limits } = deps;
  const found = await records.read(id);
  if (found?.platformEtag !== undefined || found?.discard !== undefined) return { kind: 'platform' };
  if (found?.restoring === true) return { kind: 'not-ready', reason: 'its volume is being filled' };
  const volume = stateVolumeName(engine.installation, id);
  const image = await deps.image(signal);
  const listing = (await engine.listFiles([volume], { maxFiles: limits.maxFiles, image, signal })).get(
    volume,
  );
  const known = isKnown(found) ? found : await recovered(deps, records, { id, listing, signal });
  if (!isKnown(known)) return { kind: 'not-ready', reason: 'its state was not looked at by a start yet' };
  if (listing?.made !== known.volume)
    return { kind: 'not-ready', reason: 'its volume is another than the one that was last started' };
  if (listing.unread === true) throw new StateChanged(`The volume ${volume} could not be listed to its end`);
  const fingerprint = listingFingerprint(listing.files);
  if (fingerprint === known.listing)
    return { kind: 'unchanged', problems: known.problems ?? [], again: false };
  try {
    if (!listing.complete) throw new StateTooLarge(excessOf(listing, limits.maxFiles));
    return await inTemporaryFile(deps, (file) =>
      save(
        { deps, records, id, known, signal },
        { volume, image, fingerprint },
        new Spool(file, spoolLimit(deps)),
      ),
    );
  } catch (error) {
    if (error instanceof StateTooLarge) return { kind: 'too-large', reason: `Its state ${error.message}` };
    throw error;
  }
}

/** Files that are read more than once lie there more than once. */
const spoolLimit = ({ limits }: StateDeps): number => limits.maxBytes * 2 + 2 ** 20;

function isKnown(known: BotStateDocument | undefined): known is Known {
  return known?.etag !== undefined && known.volume !== undefined;
}

type Save = { deps: StateDeps; records: StateRecords; id: string; known: Known; signal: AbortSignal };
type Source = { volume: string; image: string; fingerprint: string };

async function save(save: Save, source: Source, spool: Spool): Promise<SaveResult> {
  const { deps, records, id, known, signal } = save;
  const read = await collect(deps, source, spool, signal);
  const again = read.unsteady.length > 0;
  await keepPrevious(save, read, spool);
  for (const path of read.entries.keys()) {
    const clean = cleanPath(path);
    if (typeof clean === 'string') continue;
    read.entries.delete(path);
    read.problems.push(problemLine(path, clean.refused));
  }
  const entries = [...read.entries.values()];
  const files = entries.filter(({ directory }) => !directory).length;
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > deps.limits.maxBytes)
    throw new StateTooLarge(`holds ${bytes} bytes, and at most ${deps.limits.maxBytes} are allowed`);
  const content = contentDigest(entries);
  const problems = boundedProblems(read.problems);
  const facts = { bytes, files, problems, content, ...(again ? {} : { listing: source.fingerprint }) };
  // A bot that never kept anything gets no archive: none is what the platform has for it.
  if (content === known.content || (known.etag === null && files === 0)) {
    await records.set(id, known, facts);
    return { kind: 'unchanged', problems, again };
  }
  return await inTemporaryFile(deps, async (file) => {
    const written = await writeArchiveFile(file, entries, spool);
    await assertComplete({ file, bytes: written.bytes }, content, deps);
    await Promise.all([
      records.assertStill(id, known),
      assertSameVolume(save, source),
      deps.assertOurBucket(signal),
    ]);
    const metadata = {
      [MARK.volume]: volumeMark(deps.engine.installation, known),
      [MARK.content]: content,
    };
    try {
      const { etag } = await putArchive(deps, id, { file, ...written, known: known.etag, metadata }, signal);
      await records.set(id, known, { ...facts, etag, savedAt: new Date(deps.now()) });
    } catch (error) {
      const found = await afterFailure(save, content, error);
      if (found === 'platform') return { kind: 'platform' };
      if (found === 'theirs') return { kind: 'unchanged', problems, again: true };
      await records.set(id, known, { ...facts, savedAt: new Date(deps.now()) });
    }
    return { kind: 'saved', bytes, files, problems, again };
  });
}

async function collect(
  deps: StateDeps,
  { volume, image }: Source,
  spool: Spool,
  signal: AbortSignal,
): Promise<Collection> {
  const { engine, limits } = deps;
  const root = await engine.volumePath(volume, { signal });
  if (root !== undefined) return collectLocally(root, spool, limits, signal);
  return collectThroughEngine({ engine, volume, image, nonce: deps.newId() }, spool, limits, signal);
}

/** Of files that never stood still, the last saved version stays in the archive. */
async function keepPrevious(
  { deps, id, known, signal }: Save,
  read: Collection,
  spool: Spool,
): Promise<void> {
  if (read.unsteady.length === 0) return;
  let found: Collected[] = [];
  if (known.etag !== null)
    try {
      found = await withDownload(deps, archiveKey(id), signal, (archive) =>
        archive.etag === known.etag
          ? previousVersions(archive, read.unsteady, spool, deps.limits)
          : Promise.reject(new ConditionFailed(deps.bucket, archiveKey(id))),
      );
    } catch (error) {
      // An archive that cannot be read has nothing to keep.
      if (!(error instanceof BadState || error instanceof StateTooLarge)) throw error;
      deps.log.warn({ botId: id, error: messageOf(error) }, 'State archive cannot be read');
    }
  const kept = new Map(found.map((entry) => [entry.path, entry]));
  for (const path of read.unsteady) {
    const entry = kept.get(path);
    if (entry !== undefined) read.entries.set(path, entry);
    read.problems.push(
      problemLine(
        path,
        entry === undefined
          ? 'it changes all the time and was not saved yet'
          : 'it changes all the time; what was saved of it before is kept',
      ),
    );
  }
}

/** One that was removed while it was read and made anew is empty, and nothing on record tells of it yet. */
async function assertSameVolume(
  { deps, known, signal }: Save,
  { volume }: Pick<Source, 'volume'>,
): Promise<void> {
  const made = (await deps.engine.inspectVolume(volume, { signal }))?.labels[LABEL.made] ?? '';
  if (made !== known.volume) throw new StateChanged(`The volume ${volume} was made anew while it was read`);
}

/** Reads what was written as a restore will: an archive that it would refuse, or that holds less, never gets to S3. */
async function assertComplete(
  archive: Parameters<typeof scanArchive>[0],
  content: string,
  { limits }: StateDeps,
): Promise<void> {
  const scan = await scanArchive(archive, limits);
  const lost = scan.problems.length > 0 || contentDigest(scan.entries) !== content;
  if (lost) throw new StateChanged('The archive that was made does not hold what was read');
}

/**
 * What a put that failed came to: ours got there all the same (its answer was lost), or another save of this volume was
 * quicker, or the platform changed it. Throws the failure where the archive is as it was.
 */
async function afterFailure(
  { deps, records, id, known, signal }: Save,
  content: string,
  error: unknown,
): Promise<'ours' | 'theirs' | 'platform'> {
  const found = await examineArchive(deps, records, id, signal);
  switch (found.kind) {
    case 'same':
      // Changed, and yet what is on record: another save has put it there since.
      if (error instanceof ConditionFailed) return 'theirs';
      throw error;
    case 'ours':
      return found.content === content && found.epoch === (known.epoch ?? 0) ? 'ours' : 'theirs';
    case 'platform':
      return 'platform';
  }
}

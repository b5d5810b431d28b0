import { LABEL } from '../../model/labels.ts';
import type { ContainerSpec } from '../../infra/engine/port.ts';
import type { ObjectStat } from '../../infra/s3/client.ts';
import { S3Error } from '../../infra/s3/errors.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { StartProblem } from '../errors.ts';
import type { Semaphore } from '../semaphore.ts';
import { ownStateVolume, READY_MODE } from '../state-volume.ts';
import { scanArchive, type ArchiveScan, type LocalArchive } from './archive-scan.ts';
import { restoringTar } from './archive-tar.ts';
import { decideRestore, type RestoreStep } from './decide-restore.ts';
import type { StateDeps } from './deps.ts';
import { BadState, StateChanged, StateTooLarge } from './errors.ts';
import { withHelper } from './helper.ts';
import { archiveKey } from './keys.ts';
import { boundedProblems, contentDigest, listingFingerprint } from './manifest.ts';
import { MARK, volumeMark } from './mark.ts';
import { statArchive } from './put.ts';
import type { StateRecords } from './records.ts';
import { withDownload } from './temporary.ts';

const STATE_PATH = '/state';
const FILL_PATH = '/the0/fill';

/** A container that was created and is not started yet. */
export type CreatedContainer = { id: string; spec: ContainerSpec };
type Options = { nonce: string; signal: AbortSignal };
type Restore = Options & {
  deps: StateDeps;
  records: StateRecords;
  id: string;
  container: CreatedContainer;
  volume: string;
};

/**
 * Sees to it that a bot starts with its state: what is on its volume, or the archive where that counts. Nothing else of the
 * bot runs meanwhile. Throws `StartProblem`, classes of `infra/engine/errors.ts`, MongoDB's, or the signal's reason.
 */
export async function restoreState(
  deps: StateDeps,
  records: StateRecords,
  id: string,
  container: CreatedContainer,
  options: Options & { fills: Semaphore },
): Promise<void> {
  const volume = stateVolumeOf(container);
  const restore = { ...options, deps, records, id, container, volume };
  let looked: ObjectStat | null = null;
  try {
    const { step, ready, known, made, present, ofThisVolume } = await look(restore);
    looked = present;
    const content = step.kind === 'adopt' ? present?.metadata[MARK.content] : undefined;
    const stay = {
      volume: made,
      etag: present?.etag ?? null,
      ...(content === undefined || !ofThisVolume ? {} : { content }),
    };
    if (step.kind === 'keep' || step.kind === 'adopt') {
      if (!ready) await ownStateVolume(deps.engine, container, options.nonce, options.signal);
      if (!sameFacts(known, stay)) await records.adopt(id, stay);
      return;
    }
    deps.log.info({ botId: id, cause: step.reason }, 'State is put onto its volume');
    await options.fills.run(async () => {
      if (step.kind === 'empty' || present === null) return fill(restore, { made, known }, undefined);
      return withDownload(deps, archiveKey(id), options.signal, async (archive) => {
        const scan = await scanArchive(archive, deps.limits);
        await fill(restore, { made, known }, { archive, scan });
      });
    }, options.signal);
  } catch (error) {
    const isRefused = error instanceof BadState || error instanceof StateTooLarge;
    // By that the watch sees when another start is worth it.
    if (isRefused && looked !== null) await records.refused(id, looked, deps.limits);
    throw asStartProblem(error, id);
  }
}

/** Whether a start finds its state as it has to be: nothing is put on the volume, nothing goes on record. */
export async function isSettled(
  deps: StateDeps,
  records: StateRecords,
  id: string,
  container: CreatedContainer,
  signal: AbortSignal,
): Promise<boolean> {
  const volume = stateVolumeOf(container);
  const { step, ready, known, made, present } = await look({ deps, records, id, container, volume, signal });
  return step.kind === 'keep' && ready && sameFacts(known, { volume: made, etag: present?.etag ?? null });
}

function stateVolumeOf({ spec }: CreatedContainer): string {
  const volume = spec.volumes.find(({ path }) => path === STATE_PATH)?.volume;
  if (volume === undefined) throw new Error('a bot’s container has no state volume');
  return volume;
}

type Look = {
  step: RestoreStep;
  ready: boolean;
  known: BotStateDocument | undefined;
  made: string;
  present: ObjectStat | null;
  ofThisVolume: boolean;
};

async function look({ deps, records, id, container, volume, signal }: Omit<Restore, 'nonce'>): Promise<Look> {
  const { engine } = deps;
  const [known, found, mode, present] = await Promise.all([
    records.read(id),
    engine.inspectVolume(volume, { signal }),
    engine.pathMode(container.id, STATE_PATH, { signal }),
    statArchive(deps, id, signal),
  ]);
  if (found === undefined) throw new StateChanged(`The volume ${volume} is gone`);
  const made = found.labels[LABEL.made] ?? '';
  // One was there: on record, put on the volume when that was interrupted, or such that nobody could take it.
  const wasThere =
    typeof known?.etag === 'string' || known?.restoring === true || known?.refused !== undefined;
  const isMissing = present === null && wasThere;
  if (isMissing) await deps.assertOurBucket(signal);
  // What is on it matters only where nothing is on record.
  const unknown = known?.etag === undefined && present !== null;
  const content = unknown ? await contentOf(deps, container, volume, signal) : undefined;
  const ofThisVolume =
    present?.metadata[MARK.volume] ===
    volumeMark(engine.installation, { volume: made, epoch: known?.epoch ?? 0 });
  const ready = mode === READY_MODE;
  const step = decideRestore({
    known,
    volume: made,
    ready,
    present:
      present === null
        ? null
        : { etag: present.etag, ofThisVolume, editedSince: isEdit(present, content?.changedAtMs) },
    empty: content?.empty ?? false,
  });
  return { step, ready, known, made, present, ofThisVolume };
}

/** `changedAtMs`: the last change to any of it, which its bot cannot set; absent where that is not all to be seen. */
async function contentOf(
  { engine, limits }: StateDeps,
  { spec }: CreatedContainer,
  volume: string,
  signal: AbortSignal,
): Promise<{ empty: boolean; changedAtMs?: number }> {
  const options = { maxFiles: limits.maxFiles, image: spec.image, signal };
  const listing = (await engine.listFiles([volume], options)).get(volume);
  if (listing === undefined) return { empty: true };
  // What was cut may hold more than it shows.
  const { complete, files } = listing;
  if (!complete) return { empty: false };
  const changes = files.map(({ ctimeNs }) => Number(BigInt(ctimeNs) / 1_000_000n));
  return {
    empty: files.every(({ type }) => type === 'directory'),
    changedAtMs: changes.reduce((last, each) => Math.max(last, each), 0),
  };
}

/** Clocks of hosts differ, and what was written a moment before an edit may not have been saved. */
const SURELY_LATER_MS = 60_000;

/** Whether somebody else wrote the archive, after the last change to the volume. */
const isEdit = ({ metadata, lastModified }: ObjectStat, changedAtMs = Infinity): boolean =>
  metadata[MARK.volume] === undefined && lastModified.getTime() - changedAtMs > SURELY_LATER_MS;

function sameFacts(
  known: BotStateDocument | undefined,
  facts: { volume: string; etag: string | null },
): boolean {
  return (
    known !== undefined &&
    known.etag === facts.etag &&
    known.platformEtag === undefined &&
    known.discard === undefined &&
    known.refused === undefined &&
    known.volume === facts.volume
  );
}

type Filling = { archive: LocalArchive & { etag: string }; scan: ArchiveScan };

/** Without `filling` the volume is left empty. What was read and found sound is all that is put there. */
async function fill(
  restore: Restore,
  { made, known }: Pick<Look, 'made' | 'known'>,
  filling: Filling | undefined,
): Promise<void> {
  const { deps, records, id, container, volume, nonce, signal } = restore;
  const { engine, limits } = deps;
  const { image } = container.spec;
  const scan = withSdkFolder(filling?.scan ?? { entries: [], places: new Map(), bytes: 0, problems: [] });
  const epoch = await records.filling(id, made, known);
  await engine.emptyVolume(volume, { image, signal });
  const mount = { volume, path: `${FILL_PATH}/state`, readOnly: false, labels: {} };
  await withHelper(engine, { image, nonce, mount }, (helper) =>
    engine.writeArchive(helper, FILL_PATH, restoringTar(scan, filling?.archive, limits), { signal }),
  );
  const listing = await engine.listFiles([volume], { maxFiles: scan.entries.length + 1, image, signal });
  const files = listing.get(volume)?.files ?? [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  // The engine may say that it took what it did not read to the end.
  if (files.length !== scan.entries.length || bytes !== scan.bytes)
    throw new StateChanged(
      `The engine put ${files.length} files and folders onto the volume, ${scan.entries.length} were meant`,
    );
  await records.filled(id, epoch, {
    etag: filling?.archive.etag ?? null,
    listing: listingFingerprint(files),
    content: contentDigest(scan.entries),
    bytes,
    files: files.filter(({ type }) => type === 'file').length,
    problems: boundedProblems(scan.problems),
  });
}

const SDK_FOLDER = '.the0-state';

function withSdkFolder(scan: ArchiveScan): ArchiveScan {
  if (scan.entries.some(({ path }) => path === SDK_FOLDER)) return scan;
  const folder = { path: SDK_FOLDER, directory: true, mode: READY_MODE, bytes: 0, mtimeMs: 0, sha256: '' };
  return { ...scan, entries: [folder, ...scan.entries] };
}

function asStartProblem(error: unknown, id: string): unknown {
  const cure = `Put an earlier archive back (npx the0-runtime state list ${id}, then state restore ${id} NAME), or delete it to start empty (npx the0-runtime state delete ${id})`;
  if (error instanceof BadState)
    return new StartProblem('bad_state', `${error.message}. ${cure}.`, { retryable: false, cause: error });
  if (error instanceof StateTooLarge)
    return new StartProblem(
      'state_too_large',
      `Its state archive ${error.message}. ${cure}, or have MAX_STATE_SIZE_MB or MAX_STATE_FILES raised.`,
      { retryable: false, cause: error },
    );
  if (error instanceof S3Error || error instanceof StateChanged)
    return new StartProblem(
      'state_unavailable',
      `Its state cannot be had, and it never starts without: ${error.message}`,
      { retryable: true, cause: error },
    );
  return error;
}

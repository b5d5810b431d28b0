import { PathMissing } from '../../infra/engine/errors.ts';
import type { Engine, VolumeFile } from '../../infra/engine/port.ts';
import type { Collected } from './archive-tar.ts';
import { LINK, SPECIAL, type Collection } from './collect.ts';
import { BadState, StateChanged, StateTooLarge } from './errors.ts';
import { withHelper } from './helper.ts';
import { excessOf, type StateLimits } from './limits.ts';
import { fileMode, folderMode, problemLine } from './manifest.ts';
import type { Spool, Spooled } from './spool.ts';
import { tooLarge } from './steady.ts';
import { readTar } from './tar-reader.ts';

export type EngineSource = { engine: Engine; volume: string; image: string; nonce: string };

const MOUNT = '/the0/state';
/** Times that files are asked for which changed while they came. */
const MOST_ROUNDS = 4;

/**
 * Reads a volume through the engine, where its mount point is out of reach: all of it in one stream between two listings, and
 * then again, one by one, the files that differ between them.
 */
export async function collectThroughEngine(
  source: EngineSource,
  spool: Spool,
  limits: StateLimits,
  signal: AbortSignal,
): Promise<Collection> {
  const mount = { volume: source.volume, path: MOUNT, readOnly: true, labels: {} };
  return withHelper(source.engine, { ...source, mount }, async (helper) => {
    const read = new Map<string, { spooled: Spooled; listed: string }>();
    let before = await list(source, limits, signal);
    let after = before;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const wanted = [...before.values()].filter(
        (file) =>
          file.type === 'file' &&
          file.bytes <= limits.maxFileBytes &&
          read.get(file.path)?.listed !== factsOf(file),
      );
      if (wanted.length === 0) break;
      const facts = new Map(wanted.map((file) => [file.path, file]));
      const paths = round === 0 ? [MOUNT] : wanted.map(({ path }) => `${MOUNT}/${path}`);
      for (const path of paths)
        for await (const [at, spooled] of contents(source.engine, helper, path, spool, limits, signal)) {
          const file = facts.get(at);
          if (file !== undefined && file.bytes === spooled.bytes)
            read.set(at, { spooled, listed: factsOf(file) });
        }
      after = await list(source, limits, signal);
      before = after;
    }
    return asCollection(after, read, limits);
  });
}

type Read = ReadonlyMap<string, { spooled: Spooled; listed: string }>;

function asCollection(files: ReadonlyMap<string, VolumeFile>, read: Read, limits: StateLimits): Collection {
  const entries = new Map<string, Collected>();
  const problems: string[] = [];
  const unsteady: string[] = [];
  for (const file of files.values()) {
    const { path, type, bytes, mode, mtimeNs } = file;
    const facts = { path, mtimeMs: Number(BigInt(mtimeNs) / 1_000_000_000n) * 1000 };
    const got = read.get(path);
    // What is no UTF-8 comes with this in its place: under that name it would be another file.
    if (path.includes('\ufffd')) problems.push(problemLine(path, 'its name is not valid UTF-8'));
    else if (type === 'directory')
      entries.set(path, { ...facts, mode: folderMode(mode), directory: true, bytes: 0, sha256: '' });
    else if (type !== 'file') problems.push(problemLine(path, type === 'link' ? LINK : SPECIAL));
    else if (bytes > limits.maxFileBytes)
      problems.push(problemLine(path, tooLarge(bytes, limits.maxFileBytes)));
    else if (got?.listed !== factsOf(file)) unsteady.push(path);
    else {
      const { spooled } = got;
      entries.set(path, {
        ...facts,
        mode: fileMode(mode),
        directory: false,
        bytes,
        sha256: spooled.sha256,
        spooled,
      });
    }
  }
  return { entries, problems, unsteady };
}

const factsOf = ({ type, bytes, mtimeNs, ctimeNs }: VolumeFile): string =>
  `${type} ${bytes} ${mtimeNs} ${ctimeNs}`;

async function list(
  { engine, volume, image }: EngineSource,
  limits: StateLimits,
  signal: AbortSignal,
): Promise<Map<string, VolumeFile>> {
  const listing = (await engine.listFiles([volume], { maxFiles: limits.maxFiles, image, signal })).get(
    volume,
  );
  if (listing === undefined) throw new StateChanged(`The volume ${volume} is gone`);
  if (listing.unread === true) throw new StateChanged(`The volume ${volume} could not be listed to its end`);
  if (!listing.complete) throw new StateTooLarge(excessOf(listing, limits.maxFiles));
  return new Map(listing.files.map((file) => [file.path, file]));
}

/** Files below a path of the helper, by their path on the volume. */
async function* contents(
  engine: Engine,
  helper: string,
  path: string,
  spool: Spool,
  limits: StateLimits,
  signal: AbortSignal,
): AsyncGenerator<[string, Spooled]> {
  // The engine names what it sends from the last part of the path on.
  const above = path.slice(0, path.lastIndexOf('/') + 1);
  let stream: NodeJS.ReadableStream;
  try {
    stream = await engine.readArchive(helper, path, { signal });
  } catch (error) {
    // Deleted since it was listed.
    if (error instanceof PathMissing) return;
    throw error;
  }
  try {
    for await (const entry of readTar(stream as AsyncIterable<Buffer>)) {
      signal.throwIfAborted();
      if (entry.kind !== '0' || entry.bytes > limits.maxFileBytes) continue;
      const at = `${above}${entry.name}`;
      if (at.startsWith(`${MOUNT}/`)) yield [at.slice(MOUNT.length + 1), await spool.add(entry.body)];
    }
  } catch (error) {
    // A file that shrinks while the engine sends it breaks the stream: what did not come is asked for again.
    if (!(error instanceof BadState)) throw error;
  }
}

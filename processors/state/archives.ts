import { createHash } from 'node:crypto';
import { ObjectMissing } from '../../infra/s3/errors.ts';
import { scanArchive, unpackedLimit, type LocalArchive } from './archive-scan.ts';
import { writeArchiveFile, type Collected } from './archive-tar.ts';
import { gunzipped } from './gzip.ts';
import { archiveKey, historyPrefix, nameOfHistoryKey } from './keys.ts';
import { keepEarlier, putArchive, statArchive, type PutDeps } from './put.ts';
import { readRange, Spool } from './spool.ts';
import { readTar } from './tar-reader.ts';
import { inTemporaryFile, withDownload } from './temporary.ts';

/** A key of the SDKs' state: a JSON file of its own. */
export type StateKey = { key: string; bytes: number };
export type EarlierArchive = { name: string; bytes: number; at: Date };
export type ArchiveView = {
  bytes: number;
  at: Date;
  files: number;
  keys: StateKey[];
};

/** There is no such archive, or no such key in it. */
export class NoSuchState extends Error {
  override readonly name = 'NoSuchState';
  readonly code = 'no_such_state';
  readonly retryable = false;
}

const KEY_FILE = /^\.the0-state\/([a-zA-Z0-9_-]{1,255})\.json$/;
const pathOfKey = (key: string): string => `.the0-state/${key}.json`;
const LARGEST_SHOWN = 16 * 2 ** 20;

/**
 * Archives as they lie in S3, for people. What is changed here counts as the platform's: a bot that runs is started anew
 * with it. Throws classes of `infra/s3/errors.ts`, `BadState`, `StateTooLarge`, `NoSuchState`.
 */
export class StateArchives {
  readonly #deps: PutDeps;
  constructor(deps: PutDeps) {
    this.#deps = deps;
  }

  /** What a bot's archive holds; undefined where there is none. */
  async view(id: string, signal: AbortSignal): Promise<ArchiveView | undefined> {
    const present = await statArchive(this.#deps, id, signal);
    if (present === null) return undefined;
    return withDownload(this.#deps, archiveKey(id), signal, async (archive) => {
      const { entries } = await scanArchive(archive, this.#deps.limits);
      return {
        bytes: present.bytes,
        at: present.lastModified,
        files: entries.filter(({ directory }) => !directory).length,
        keys: entries.flatMap(({ path, bytes }) => {
          const key = KEY_FILE.exec(path)?.[1];
          return key === undefined ? [] : [{ key, bytes }];
        }),
      };
    });
  }

  /** Earlier archives, newest first. */
  async earlier(id: string, signal: AbortSignal): Promise<EarlierArchive[]> {
    const kept = await this.#deps.s3.list(this.#deps.bucket, historyPrefix(id), { signal });
    return kept
      .flatMap(({ key, bytes, lastModified }) => {
        const name = nameOfHistoryKey(id, key);
        return name === undefined ? [] : [{ name, bytes, at: lastModified }];
      })
      .reverse();
  }

  /** The text of one key, as the bot wrote it. */
  async show(id: string, key: string, signal: AbortSignal): Promise<string> {
    return this.#withPresent(id, signal, async (archive) => {
      let text: string | undefined;
      for await (const entry of readTar(this.#unpacked(archive))) {
        if (entry.name.replace(/^\.\//, '') !== pathOfKey(key) || entry.bytes > LARGEST_SHOWN) continue;
        const chunks: Buffer[] = [];
        for await (const chunk of entry.body) chunks.push(chunk);
        text = Buffer.concat(chunks).toString();
      }
      if (text === undefined) throw new NoSuchState(`The state of ${id} has no key ${JSON.stringify(key)}`);
      return text;
    });
  }

  /** Takes one key out of the archive and leaves everything else as it is. */
  async deleteKey(id: string, key: string, signal: AbortSignal): Promise<void> {
    await this.#withPresent(id, signal, async (archive) => {
      const { limits } = this.#deps;
      const scan = await scanArchive(archive, limits);
      const path = pathOfKey(key);
      if (!scan.places.has(path))
        throw new NoSuchState(`The state of ${id} has no key ${JSON.stringify(key)}`);
      await inTemporaryFile(this.#deps, async (spoolFile) => {
        const spool = new Spool(spoolFile, limits.maxBytes);
        const byPlace = new Map([...scan.places].map(([at, place]) => [place, at]));
        const entries = new Map<string, Collected>(scan.entries.map((entry) => [entry.path, entry]));
        let place = -1;
        for await (const { body } of readTar(this.#unpacked(archive))) {
          place += 1;
          const entry = entries.get(byPlace.get(place) ?? '');
          if (entry !== undefined) entry.spooled = await spool.add(body);
        }
        entries.delete(path);
        await inTemporaryFile(this.#deps, async (file) => {
          const written = await writeArchiveFile(file, [...entries.values()], spool);
          await this.#put(id, { file, ...written }, archive.etag, signal);
        });
      });
    });
  }

  /** Deletes the archive; it is kept among the earlier ones. */
  async deleteAll(id: string, signal: AbortSignal): Promise<void> {
    const present = await statArchive(this.#deps, id, signal);
    if (present === null) throw new NoSuchState(`There is no state of ${id} in object storage`);
    await keepEarlier(this.#deps, id, present.etag, signal);
    await this.#deps.s3.remove(this.#deps.bucket, archiveKey(id), { signal });
  }

  /** Puts an earlier archive back, if it is sound; the present one is kept among the earlier ones. */
  async restore(id: string, name: string, signal: AbortSignal): Promise<void> {
    const key = `${historyPrefix(id)}${name}.tar.gz`;
    const none = `${id} has no earlier archive ${JSON.stringify(name)}`;
    if (nameOfHistoryKey(id, key) === undefined) throw new NoSuchState(none);
    try {
      await withDownload(this.#deps, key, signal, async (archive) => {
        await scanArchive(archive, this.#deps.limits);
        const present = await statArchive(this.#deps, id, signal);
        await this.#put(id, { ...archive, sha256: await digestOf(archive) }, present?.etag ?? null, signal);
      });
    } catch (error) {
      if (error instanceof ObjectMissing) throw new NoSuchState(none, { cause: error });
      throw error;
    }
  }

  #unpacked(archive: LocalArchive): AsyncIterable<Buffer> {
    return gunzipped(archive.file, archive.bytes, unpackedLimit(this.#deps.limits));
  }

  async #withPresent<T>(
    id: string,
    signal: AbortSignal,
    work: (archive: LocalArchive & { etag: string }) => Promise<T>,
  ): Promise<T> {
    const present = await statArchive(this.#deps, id, signal);
    if (present === null) throw new NoSuchState(`There is no state of ${id} in object storage`);
    return withDownload(this.#deps, archiveKey(id), signal, work);
  }

  async #put(
    id: string,
    written: LocalArchive & { sha256: string },
    known: string | null,
    signal: AbortSignal,
  ): Promise<void> {
    const { file, bytes, sha256 } = written;
    await putArchive(this.#deps, id, { file, bytes, sha256, known, metadata: {} }, signal);
  }
}

async function digestOf({ file, bytes }: LocalArchive): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readRange(file, 0, bytes)) hash.update(chunk);
  return hash.digest('hex');
}

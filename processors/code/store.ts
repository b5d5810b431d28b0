import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { FileHandle } from 'node:fs/promises';
import type { Collection } from 'mongodb';
import type { Settings } from '../../infra/config/settings.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import type { CodeVolumeDocument } from '../../infra/mongo/collections.ts';
import type { ObjectStat, S3Client } from '../../infra/s3/client.ts';
import { ObjectTooLarge, S3Denied, S3Unavailable } from '../../infra/s3/errors.ts';
import { LABEL } from '../../model/labels.ts';
import { inspectArchive, type Archive, type ArchiveLimits } from './archive.ts';
import { BadArchive } from './bad-archive.ts';
import { codeIdOf } from './code-id.ts';
import { collectUnused, type Collected } from './collect.ts';
import { normalizePath } from './entry-check.ts';
import { NoCode, ObjectChanged } from './errors.ts';
import { discardVolume, fillVolume } from './fill.ts';
import { CodeRecords } from './records.ts';
import { Semaphore } from '../semaphore.ts';
import { Recent } from './recent.ts';
import { SingleFlight } from './single-flight.ts';
import { tarOf } from './tar.ts';
import { withTemporaryFile } from './temporary-file.ts';
import type { ManifestEntry } from './tree.ts';
import { fileSource } from './zip/source.ts';

export type CodeLimits = ArchiveLimits & { maxArchiveBytes: number };

export type CodeStoreOptions = {
  s3: S3Client;
  bucket: string;
  engine: Engine;
  engineId: string;
  volumes: Collection<CodeVolumeDocument>;
  limits: CodeLimits;
  log: Logger;
  /** Archives on this host's disk at once; each may take `maxArchiveBytes`. Default 2. */
  downloadsAtOnce?: number;
  /** Where they lie meanwhile. Default: the system's folder for temporary files. */
  temporaryFolder?: string;
  now?: () => number;
  nonce?: () => string;
  /** How long code that was just looked up is believed to be there. */
  recentMs?: number;
};

export type CodeRequest = {
  /** The platform's `custom.filePath`: the key in the bucket, verbatim. */
  filePath: string;
  /** Files that must be executable whatever the archive says: entry points of compiled runtimes. */
  executablePaths: readonly string[];
  /** An image the engine has (its id or digest), for the helper container. */
  image: string;
  signal?: AbortSignal;
};

/** Code on the engine: mount `volume` read-only. Its files belong to root, 0644 or 0755. */
export type Code = {
  codeId: string;
  volume: string;
  manifest: ManifestEntry[];
  totals: { entries: number; bytes: number };
};

const MB = 1024 * 1024;
/**
 * Code that was just looked up is not looked up again: thousands of bots of one archive start together. Far shorter than
 * the age at which unused code is collected.
 */
const RECENT_MS = 5_000;
const MOST_RECENT = 64;

export const codeLimits = (settings: Settings): CodeLimits => ({
  maxArchiveBytes: settings.CODE_MAX_ARCHIVE_MB * MB,
  maxBytes: settings.CODE_MAX_UNPACKED_MB * MB,
  maxEntries: settings.CODE_MAX_ENTRIES,
  maxRatio: settings.CODE_MAX_RATIO,
});

/** Brings code from the bucket to the engine, once for each content, and forgets what nobody uses. */
export class CodeStore {
  readonly #options: CodeStoreOptions;
  readonly #records: CodeRecords;
  readonly #flights = new SingleFlight<Code>();
  readonly #lookUps = new SingleFlight<Code>();
  readonly #downloads: Semaphore;
  readonly #now: () => number;
  readonly #nonce: () => string;
  readonly #recent: Recent<Code>;

  constructor(options: CodeStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#nonce = options.nonce ?? (() => randomBytes(4).toString('hex'));
    this.#records = new CodeRecords(options.volumes, options.engineId, this.#now);
    this.#downloads = new Semaphore(options.downloadsAtOnce ?? 2);
    this.#recent = new Recent({ keepMs: options.recentMs ?? RECENT_MS, most: MOST_RECENT, now: this.#now });
  }

  /**
   * The volume with the code of a key, made if need be. Throws `NoCode`, `BadArchive` (both for good), classes of
   * `infra/s3/errors.ts` and of `infra/engine/errors.ts`, MongoDB's own errors, or the signal's reason.
   */
  async ensure(request: CodeRequest): Promise<Code> {
    const { filePath } = request;
    if (filePath.trim() === '') throw new NoCode();
    const executablePaths = normalized(request.executablePaths);
    const wanted = [filePath, ...executablePaths].join('\0');
    const recent = this.#recent.get(wanted);
    if (recent !== undefined) return recent;
    // Many bots of one code start together: one of them looks.
    return this.#lookUps.run(wanted, request.signal, async (signal) => {
      const code = await this.#ensure({ ...request, executablePaths, signal });
      this.#recent.set(wanted, code);
      return code;
    });
  }

  async #ensure(request: CodeRequest): Promise<Code> {
    const { filePath, executablePaths, signal } = request;
    let stat: ObjectStat;
    try {
      stat = await this.#options.s3.stat(this.#options.bucket, filePath, optional(signal));
    } catch (error) {
      const kept = isOutage(error) ? await this.#kept(filePath, executablePaths, signal) : undefined;
      if (kept === undefined) throw error;
      this.#options.log.warn(
        { filePath, codeId: kept.codeId, error: (error as Error).message },
        'S3 is away: code that is already here is used',
      );
      return kept;
    }
    const codeId = codeIdOf(stat.etag, executablePaths);
    const known = await this.#known(codeId, filePath, signal);
    if (known !== undefined) return known;
    return this.#flights.run(codeId, signal, (shared) => this.#make(request, stat, codeId, shared));
  }

  /** Removes code that no container uses and no start asked for since `olderThanMs`. `inUse`: names of volumes to keep. `dryRun`: only tell. */
  collectUnused(options: {
    olderThanMs: number;
    inUse: ReadonlySet<string>;
    dryRun?: boolean;
  }): Promise<Collected> {
    return collectUnused({
      ...options,
      engine: this.#options.engine,
      records: this.#records,
      log: this.#options.log,
      now: this.#now,
    });
  }

  async #known(codeId: string, key: string, signal: AbortSignal | undefined): Promise<Code | undefined> {
    const record = await this.#records.use(codeId, key);
    return record !== undefined && (await this.#isThere(record, signal)) ? codeOf(record) : undefined;
  }

  /**
   * What was unpacked from a key before. The platform writes each key once (a new version is a new key), so its
   * content cannot have changed since: a bot starts again although S3 is away.
   */
  async #kept(
    key: string,
    executablePaths: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Code | undefined> {
    for (const { _id, files } of await this.#records.ofKey(key)) {
      const executable = new Set(files.filter((file) => file.executable).map((file) => file.path));
      if (!executablePaths.every((path) => executable.has(path))) continue;
      const code = await this.#known(_id, key, signal);
      if (code !== undefined) return code;
    }
    return undefined;
  }

  async #isThere(record: CodeVolumeDocument, signal: AbortSignal | undefined): Promise<boolean> {
    const volume = await this.#options.engine.inspectVolume(record.volume, optional(signal));
    return volume?.labels[LABEL.code] === record._id;
  }

  #make(request: CodeRequest, stat: ObjectStat, codeId: string, signal: AbortSignal): Promise<Code> {
    const unpacked = async (): Promise<Code> => {
      // It may have been made while this one waited for its turn, by another process or the flight before.
      const known = await this.#known(codeId, request.filePath, signal);
      if (known !== undefined) return known;
      return withTemporaryFile(this.#options.temporaryFolder ?? tmpdir(), async (file) => {
        await this.#download(request.filePath, stat, file, signal);
        return this.#unpack(request, codeId, file, signal);
      });
    };
    return this.#downloads.run(unpacked, signal);
  }

  async #download(key: string, stat: ObjectStat, file: FileHandle, signal: AbortSignal): Promise<void> {
    const { s3, bucket, limits } = this.#options;
    const refuse = (bytes: number, cause?: unknown): BadArchive =>
      new BadArchive(
        'archive_too_large',
        `is ${Math.ceil(bytes / MB)} MB large; ${limits.maxArchiveBytes / MB} MB are allowed`,
        { cause },
      );
    if (stat.bytes > limits.maxArchiveBytes) throw refuse(stat.bytes);
    try {
      const { etag } = await s3.download(bucket, key, file, { maxBytes: limits.maxArchiveBytes, signal });
      if (etag !== stat.etag) throw new ObjectChanged(key);
    } catch (error) {
      throw error instanceof ObjectTooLarge ? refuse(error.bytes, error) : error;
    }
  }

  async #unpack(request: CodeRequest, codeId: string, file: FileHandle, signal: AbortSignal): Promise<Code> {
    const { engine, engineId, log, limits } = this.#options;
    const { executablePaths, image } = request;
    const source = await fileSource(file);
    const archive = await inspectArchive(source, limits);
    const nonce = this.#nonce();
    const volume = `${engine.installation}_code_${codeId}-${nonce}`;
    await fillVolume(engine, log, {
      codeId,
      volume,
      nonce,
      image,
      signal,
      tar: tarOf(archive, source, { executablePaths, signal }),
    });
    const at = new Date(this.#now());
    const mine: CodeVolumeDocument = {
      _id: codeId,
      volume,
      engineId,
      keys: [request.filePath],
      ...archive.totals,
      files: manifestWith(archive, executablePaths),
      createdAt: at,
      lastUsedAt: at,
    };
    // If this fails, the record may have been written all the same: the volume stays, and is collected if it was not.
    const winner = await this.#records.claim(mine, (other) => this.#isThere(other, signal));
    if (winner.volume !== volume) await discardVolume(engine, log, volume);
    else log.info({ codeId, volume, filePath: request.filePath, ...archive.totals }, 'Code unpacked');
    return codeOf(winner);
  }
}

function codeOf({ _id, volume, files, entries, bytes }: CodeVolumeDocument): Code {
  return { codeId: _id, volume, manifest: files, totals: { entries, bytes } };
}

function manifestWith(archive: Archive, executablePaths: readonly string[]): ManifestEntry[] {
  const executable = new Set(executablePaths);
  return archive.manifest.map((entry) => ({
    ...entry,
    executable: !entry.directory && (entry.executable || executable.has(entry.path)),
  }));
}

/** Sorted, as the manifest writes them; what leads outside can name no file and is left out. */
function normalized(paths: readonly string[]): string[] {
  return [...new Set(paths.map(normalizePath).filter((path) => path !== undefined))].sort();
}

const isOutage = (error: unknown): boolean => error instanceof S3Unavailable || error instanceof S3Denied;

const optional = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

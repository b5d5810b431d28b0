import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable } from 'node:stream';
import tar, { type Header } from 'tar-stream';

export type FakeFile = {
  header: Pick<Header, 'name' | 'type' | 'mode' | 'uid' | 'gid'> & Partial<Header>;
  data: Buffer;
  /** When it was put there, in nanoseconds since the epoch: no two are the same. */
  ctimeNs?: bigint;
};

/** Files of a volume or of a container's root, by absolute path within it. The root itself always exists. */
export class FakeFiles {
  readonly #entries = new Map<string, FakeFile>();
  #lastNs = 0n;

  constructor() {
    this.makeDirectory('/', 0o755);
  }

  makeDirectory(path: string, mode: number): void {
    this.#entries.set(path, {
      header: { name: path, type: 'directory', mode, uid: 0, gid: 0 },
      data: Buffer.alloc(0),
      ctimeNs: this.#tick(),
    });
  }

  /** A mount point with the folders above it, as an engine makes them. */
  makeDirectories(path: string): void {
    for (let at = path; !this.#entries.has(at); at = parentOf(at)) this.makeDirectory(at, 0o755);
  }

  get(path: string): FakeFile | undefined {
    return this.#entries.get(path);
  }

  put(path: string, file: FakeFile): void {
    this.makeDirectories(parentOf(path));
    this.#entries.set(path, { ...file, ctimeNs: this.#tick() });
  }

  /** Leaves the root alone. */
  clear(): void {
    for (const path of [...this.#entries.keys()]) if (path !== '/') this.#entries.delete(path);
  }

  #tick(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n;
    return this.#lastNs;
  }

  /** The entry at `path` and all below it, in an order in which parents come first. */
  under(path: string): [string, FakeFile][] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.#entries]
      .filter(([at]) => at === path || at.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** All entries of a tar, in order. Rejects where it is cut off or none. */
export async function unpack(source: NodeJS.ReadableStream | Buffer): Promise<FakeFile[]> {
  const extract = tar.extract();
  const files: FakeFile[] = [];
  // A buffer cannot break off: it needs nothing of what a pipeline watches for.
  const fed = Buffer.isBuffer(source) ? extract.end(source) : pipeline(source, extract);
  const read = (async () => {
    for await (const entry of extract) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      files.push({ header: entry.header, data: Buffer.concat(chunks) });
    }
  })();
  await Promise.all([fed, read]);
  return files;
}

/** As the engine does it: names begin with the last part of the path that was asked for. */
export function pack(files: FakeFiles, path: string, name: string): Readable {
  const archive = tar.pack();
  for (const [at, { header, data }] of files.under(path)) {
    const below = at === path ? '' : path === '/' ? at : at.slice(path.length);
    const directory = header.type === 'directory';
    archive.entry({ ...header, name: `${name}${below}${directory ? '/' : ''}`, size: data.length }, data);
  }
  archive.finalize();
  return archive.pipe(new PassThrough());
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** Joins an archive's entry name to an absolute path; `..` cannot leave it. */
export function joinInside(base: string, name: string): string {
  const parts = base.split('/').filter((part) => part !== '');
  const kept: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') kept.pop();
    else kept.push(part);
  }
  return `/${[...parts, ...kept].join('/')}`;
}

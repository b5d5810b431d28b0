import { gunzipSync, gzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import tar, { type Header } from 'tar-stream';

/** Content by path; a path with a slash at its end is a folder. */
export type Files = Readonly<Record<string, string | Buffer>>;

const OWNER = { uid: 1000, gid: 1000 };

/** An archive as the platform or a bot would make it; `plain`: not compressed. */
export async function tarGz(
  files: Files,
  options: { plain?: boolean; more?: readonly (Partial<Header> & { name: string })[] } = {},
): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, content] of Object.entries(files))
    if (name.endsWith('/')) pack.entry({ name, type: 'directory', mode: 0o750, ...OWNER });
    else pack.entry({ name, mode: 0o640, mtime: new Date(1_700_000_000_000), ...OWNER }, content);
  for (const header of options.more ?? [])
    if (header.type === undefined) pack.entry({ ...OWNER, ...header }, '');
    else pack.entry({ ...OWNER, ...header });
  pack.finalize();
  const archive = await buffer(pack);
  return options.plain === true ? archive : gzipSync(archive);
}

/** What a tar, compressed or not, holds below `prefix`: contents of files, and folders with a slash at their end. */
export async function filesOf(
  source: Buffer | AsyncIterable<Buffer>,
  prefix = '',
): Promise<Record<string, string>> {
  const bytes = Buffer.isBuffer(source) ? source : await buffer(source);
  const extract = tar.extract();
  extract.end(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
  const found: Record<string, string> = {};
  for await (const entry of extract) {
    const { name, type } = entry.header;
    const content = (await buffer(entry)).toString();
    if (name.startsWith(prefix) && name !== prefix)
      found[name.slice(prefix.length)] =
        type === 'file' || type === 'directory' ? content : `(${type ?? ''})`;
  }
  return found;
}

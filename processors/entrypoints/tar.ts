import { pack } from 'tar-stream';
import type { LaunchFile } from './types.ts';

const EPOCH = new Date(0);

/** The files as one tar for `Engine.writeArchive`. The same files give the same bytes. */
export async function tarOf(files: readonly LaunchFile[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, mode, uid, gid, content } of files)
    archive.entry({ name, mode, uid, gid, mtime: EPOCH, type: 'file' }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

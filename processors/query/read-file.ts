import { extract, type Extract } from 'tar-stream';
import { PathMissing } from '../../infra/engine/errors.ts';
import type { CallOptions, Engine } from '../../infra/engine/port.ts';

const NOTHING = Buffer.alloc(0);

/** A file's bytes, none where there is no file; never more than `maxBytes` are taken in. */
export async function readFile(
  engine: Engine,
  containerId: string,
  path: string,
  { maxBytes, ...options }: CallOptions & { maxBytes: number },
): Promise<Buffer | 'too large'> {
  let archive: NodeJS.ReadableStream;
  try {
    archive = await engine.readArchive(containerId, path, options);
  } catch (error) {
    if (error instanceof PathMissing) return NOTHING;
    throw error;
  }
  const unpacked = extract();
  const broken = new Promise<never>((_, reject) => {
    archive.once('error', reject);
  });
  broken.catch(() => undefined);
  archive.pipe(unpacked);
  try {
    return await Promise.race([firstFile(unpacked, maxBytes), broken]);
  } finally {
    // What is left of it nobody reads: the connection is let go.
    (archive as NodeJS.ReadableStream & { destroy?: () => void }).destroy?.();
    unpacked.destroy();
  }
}

async function firstFile(unpacked: Extract, maxBytes: number): Promise<Buffer | 'too large'> {
  for await (const entry of unpacked) {
    if (entry.header.type !== 'file') return NOTHING;
    if ((entry.header.size ?? 0) > maxBytes) return 'too large';
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  return NOTHING;
}

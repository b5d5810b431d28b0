import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Client } from 'minio';
import type { Bounds } from './bounds.ts';
import type { ConditionalWrite } from './conditional.ts';
import { cleanEtag, condition, textOf, userMetadata } from './request.ts';

const CHUNK = 256 * 1024;

/** Of the file, as it is. */
export type FileFacts = { bytes: number; sha256: string };

/**
 * Replaces or creates an object by a local file in one request, up to 5 GiB, without holding it in memory: the library would
 * split it, and then no condition holds. `signsContent`: whether the digest is part of the signature (not under TLS).
 */
export function writeFile(
  { client, bounds, signsContent }: { client: Client; bounds: Bounds; signsContent: boolean },
  target: { bucket: string; key: string },
  file: FileHandle,
  options: ConditionalWrite & FileFacts,
): Promise<{ etag: string }> {
  const { bucket, key } = target;
  const context = { what: `write ${JSON.stringify(key)}`, bucket, key };
  return bounds.transfer(context, options.signal, async (progress) => {
    const body = Readable.from(pieces(file, options.bytes, progress), { objectMode: false });
    const response = await client.makeRequestStreamAsync(
      {
        method: 'PUT',
        bucketName: bucket,
        objectName: key,
        headers: {
          'Content-Type': options.contentType,
          'Content-Length': options.bytes,
          ...userMetadata(options.metadata),
          ...condition(options.ifEtag),
        },
      },
      body,
      signsContent ? options.sha256 : '',
      [200],
      '',
    );
    await textOf(response, progress);
    return { etag: cleanEtag(response.headers.etag ?? '') };
  });
}

async function* pieces(file: FileHandle, bytes: number, progress: () => void): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes;) {
    const length = Math.min(CHUNK, bytes - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) throw new Error(`The file ended after ${at} of ${bytes} bytes`);
    progress();
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

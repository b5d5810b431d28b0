import { randomUUID } from 'node:crypto';
import type { S3CallOptions, S3Client } from './client.ts';
import { ConditionFailed } from './errors.ts';

/** Which conditional writes an S3 keeps to. Where one is false, a lease has to stand in. */
export type HonouredConditions = {
  /** `If-None-Match: *` on a put. */
  create: boolean;
  /** `If-Match` on a put. */
  replace: boolean;
  /** `If-Match` on the completion of an upload in parts. */
  complete: boolean;
};

const NOBODY = '0'.repeat(32);

/** Finds out by trying, on an object of its own that it removes again. */
export async function probeConditions(
  s3: S3Client,
  bucket: string,
  options: S3CallOptions = {},
): Promise<HonouredConditions> {
  // The garbage collection sweeps `.tmp-` after an hour, should this process not come to it.
  const key = `.tmp-conditions-${randomUUID()}`;
  const write = { contentType: 'text/plain', ...options };
  const content = Buffer.from('probe');
  try {
    const { etag } = await s3.put(bucket, key, content, options);
    return {
      create: await refuses(s3.conditional.write(bucket, key, content, { ...write, ifEtag: null })),
      replace: await refuses(s3.conditional.write(bucket, key, content, { ...write, ifEtag: NOBODY })),
      complete: await refuses(
        s3.conditional.append(bucket, key, Buffer.alloc(0), { ...write, etag, bytes: 5, ifEtag: NOBODY }),
      ),
    };
  } finally {
    await s3.remove(bucket, key, options).catch(() => undefined);
  }
}

async function refuses(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (error) {
    if (error instanceof ConditionFailed) return true;
    // Some say that they do not know a header instead of passing over it.
    if (((error as Error).cause as { code?: unknown } | undefined)?.code === 'NotImplemented') return false;
    throw error;
  }
}

import type { Client } from 'minio';
import { ConditionFailed, S3Unavailable } from './errors.ts';
import { cleanEtag, condition, element, request, textOf, userMetadata } from './request.ts';

/** Bytes, or a server-side copy named by its headers. */
export type Part = { body?: Buffer; headers?: Readonly<Record<string, string>> };

type Upload = {
  bucket: string;
  key: string;
  parts: readonly Part[];
  ifEtag?: string | null;
  contentType: string;
  metadata?: Readonly<Record<string, string>>;
  progress: () => void;
};

/** S3 allows 5 GiB in one copy; one of this size is answered well before a call is given up for silence. */
const MAX_COPY_BYTES = 512 * 1024 ** 2;

/** How an object is copied as parts: in one, or in equal ones, of which none is too small for S3. */
export function partsOf(
  bytes: number,
  maxBytes = MAX_COPY_BYTES,
): { from: number; to: number; whole: boolean }[] {
  const count = Math.max(1, Math.ceil(bytes / maxBytes));
  const size = Math.ceil(bytes / count);
  return Array.from({ length: count }, (_, index) => ({
    from: index * size,
    to: Math.min(bytes, (index + 1) * size) - 1,
    whole: count === 1,
  }));
}

/**
 * An upload in parts whose completion is conditional, which the client library does not offer. One that fails is given
 * up, so that its parts take no room; where even that fails, the garbage collection finds it.
 */
export async function multipart(client: Client, upload: Upload): Promise<{ etag: string }> {
  const { bucket, key, parts, progress } = upload;
  const uploadId = await client.initiateNewMultipartUpload(bucket, key, {
    'Content-Type': upload.contentType,
    ...userMetadata(upload.metadata),
  });
  try {
    const etags: string[] = [];
    for (const [index, part] of parts.entries()) {
      progress();
      etags.push(await putPart(client, upload, { uploadId, number: index + 1, part }));
    }
    return await complete(client, upload, uploadId, etags);
  } catch (error) {
    await client.abortMultipartUpload(bucket, key, uploadId).catch(() => undefined);
    throw error;
  }
}

async function putPart(
  client: Client,
  { bucket, key, progress }: Upload,
  { uploadId, number, part }: { uploadId: string; number: number; part: Part },
): Promise<string> {
  const response = await request(client, {
    method: 'PUT',
    bucket,
    key,
    query: { partNumber: String(number), uploadId },
    ...(part.headers === undefined ? {} : { headers: part.headers }),
    ...(part.body === undefined ? {} : { body: part.body }),
  });
  const xml = await textOf(response, progress);
  // A copy tells its etag in the body, and may find out after it began to answer 200 that it cannot.
  const etag = part.body === undefined ? element(xml, 'ETag') : response.headers.etag;
  if (etag === undefined)
    throw new S3Unavailable(
      `S3 did not take part ${number} of ${JSON.stringify(key)}: ${element(xml, 'Message') ?? 'it gave no etag'}`,
    );
  return cleanEtag(etag);
}

async function complete(
  client: Client,
  { bucket, key, ifEtag, progress }: Upload,
  uploadId: string,
  etags: readonly string[],
): Promise<{ etag: string }> {
  const parts = etags.map(
    (part, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${part}"</ETag></Part>`,
  );
  const response = await request(client, {
    method: 'POST',
    bucket,
    key,
    query: { uploadId },
    headers: condition(ifEtag),
    body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
  });
  const xml = await textOf(response, progress);
  const completed = element(xml, 'ETag');
  if (completed !== undefined) return { etag: cleanEtag(completed) };
  if (element(xml, 'Code') === 'PreconditionFailed') throw new ConditionFailed(bucket, key);
  throw new S3Unavailable(
    `S3 did not complete ${JSON.stringify(key)}: ${element(xml, 'Message') ?? 'it gave no etag'}`,
  );
}

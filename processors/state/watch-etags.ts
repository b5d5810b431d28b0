import type { S3Client } from '../../infra/s3/client.ts';
import { archiveKey } from './keys.ts';

/** The first key beyond `.history/`, under which earlier archives are: ids begin with a letter or a digit, and so sort later. */
const BEYOND_HISTORY = '.history0';

/** The etag of each bot's present archive, by its id: one look through the bucket, whatever it holds. */
export async function archiveEtags(
  s3: Pick<S3Client, 'bulk'>,
  bucket: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const etags = new Map<string, string>();
  for await (const page of s3.bulk.pages(bucket, '', { startAfter: BEYOND_HISTORY, signal }))
    for (const { key, etag } of page) {
      const id = key.slice(0, key.indexOf('/'));
      if (key === archiveKey(id)) etags.set(id, etag);
    }
  return etags;
}

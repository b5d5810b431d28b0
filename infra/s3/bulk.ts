import type { Client } from 'minio';
import type { Bounds } from './bounds.ts';
import type { ListedObject, S3CallOptions } from './client.ts';

/** A multipart upload that was begun and neither completed nor given up. Its parts take room that no listing shows. */
export type IncompleteUpload = { key: string; uploadId: string; startedAt: Date };

/** A key that S3 would not delete, and what it said. */
export type RefusedKey = { key: string; reason: string };

/** S3's own limit, of keys in one listing and of keys in one deletion. */
const PAGE = 1_000;

/** What concerns many objects at once: listing whole buckets page by page, deleting, and cleaning up uploads. */
export class S3Bulk {
  readonly #client: Client;
  readonly #bounds: Bounds;

  constructor(client: Client, bounds: Bounds) {
    this.#client = client;
    this.#bounds = bounds;
  }

  /** Keys under `prefix`, in order, folders included, up to 1,000 at a time: memory does not grow with the bucket. `startAfter`: a key. */
  async *pages(
    bucket: string,
    prefix: string,
    options: S3CallOptions & { startAfter?: string } = {},
  ): AsyncGenerator<ListedObject[]> {
    let next = '';
    do {
      const page = await this.#bounds.transfer(
        { what: `list ${JSON.stringify(prefix)}`, bucket },
        options.signal,
        () => this.#client.listObjectsV2Query(bucket, prefix, next, '', PAGE, options.startAfter ?? ''),
      );
      const objects = page.objects.flatMap(({ name, size, etag, lastModified }) =>
        name === undefined
          ? []
          : [
              {
                key: name,
                bytes: size,
                etag: etag.replaceAll('"', ''),
                lastModified: new Date(lastModified),
              },
            ],
      );
      if (objects.length > 0) yield objects;
      next = page.isTruncated ? page.nextContinuationToken : '';
    } while (next !== '');
  }

  /** Deletes up to 1,000 objects a request. What was not there counts as deleted; what S3 refuses is named. */
  async removeMany(
    bucket: string,
    keys: readonly string[],
    options: S3CallOptions = {},
  ): Promise<{ removed: number; refused: RefusedKey[] }> {
    const refused: RefusedKey[] = [];
    for (let from = 0; from < keys.length; from += PAGE) {
      const batch = keys.slice(from, from + PAGE);
      const answers = await this.#bounds.transfer(
        { what: `remove ${batch.length} objects`, bucket },
        options.signal,
        () => this.#client.removeObjects(bucket, batch),
      );
      refused.push(...answers.flatMap(refusalOf));
    }
    return { removed: keys.length - refused.length, refused };
  }

  /** Uploads in hand, a thousand at most: whoever cleans up comes again. Some servers only show those of an exact key. */
  async incompleteUploads(bucket: string, options: S3CallOptions = {}): Promise<IncompleteUpload[]> {
    const { uploads } = await this.#bounds.call({ what: 'list uploads', bucket }, options.signal, () =>
      this.#client.listIncompleteUploadsQuery(bucket, '', '', '', ''),
    );
    return uploads.map(({ key, uploadId, initiated }) => ({ key, uploadId, startedAt: initiated }));
  }

  /** Gives an upload up, so that its parts go. No-op if it is over. */
  async abortUpload(
    bucket: string,
    { key, uploadId }: Pick<IncompleteUpload, 'key' | 'uploadId'>,
    options: S3CallOptions = {},
  ): Promise<void> {
    await this.#bounds
      .call({ what: `abort an upload of ${JSON.stringify(key)}`, bucket, key }, options.signal, () =>
        this.#client.abortMultipartUpload(bucket, key, uploadId),
      )
      .catch((error: unknown) => {
        if ((error as { cause?: { code?: unknown } }).cause?.code !== 'NoSuchUpload') throw error;
      });
  }
}

/** The library gives what the XML had, whose names its types do not match. */
function refusalOf(answer: unknown): RefusedKey[] {
  const { Key = '', Code = '', Message = '' } = answer as { Key?: string; Code?: string; Message?: string };
  return Code === 'NoSuchKey' ? [] : [{ key: Key, reason: `${Code} ${Message}`.trim() }];
}

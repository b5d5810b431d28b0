import { createHash } from 'node:crypto';
import { ConditionFailed, ObjectMissing, S3Unavailable } from '../../infra/s3/errors.ts';
import type { LogStorage } from '../../processors/logs/log-object.ts';

type Stored = { content: Buffer; etag: string; metadata: Readonly<Record<string, string>> };

/** What goes wrong with a call: not done at all, or done without a word of it. */
export type StorageFault = 'before' | 'after' | undefined;

const md5 = (content: Buffer): string => createHash('md5').update(content).digest('hex');

/** S3 in memory, with etags as S3 makes them: of the content alone, so that a new cursor by itself does not change one. */
export class MemoryStorage {
  readonly objects = new Map<string, Stored>();

  /** A client whose calls wait, and fail, as told. */
  client(turn: () => Promise<StorageFault>): LogStorage {
    const call = async <T>(work: () => T): Promise<T> => {
      const fault = await turn();
      if (fault === 'before') throw new S3Unavailable('not reached');
      const result = work();
      if (fault === 'after') throw new S3Unavailable('no answer');
      return result;
    };
    return {
      stat: (bucket, key) =>
        call(() => {
          const { content, etag, metadata } = this.#get(bucket, key);
          return { bytes: content.length, etag, metadata, lastModified: new Date(0) };
        }),
      list: (_bucket, prefix) =>
        call(() =>
          [...this.objects]
            .filter(([key]) => key.startsWith(prefix))
            .map(([key, { content, etag }]) => ({
              key,
              bytes: content.length,
              etag,
              lastModified: new Date(0),
            })),
        ),
      conditional: {
        read: (bucket, key, { etag }) =>
          call(() => this.#expect(bucket, key, etag) ?? this.#get(bucket, key)),
        write: (bucket, key, content, { ifEtag, metadata = {} }) =>
          call(() => {
            this.#expect(bucket, key, ifEtag);
            this.objects.set(key, { content, etag: md5(content), metadata });
            return { etag: md5(content) };
          }),
        append: (bucket, key, tail, { etag: source, ifEtag, metadata = {} }) =>
          call(() => {
            this.#expect(bucket, key, source);
            this.#expect(bucket, key, ifEtag);
            const before = this.#get(bucket, key);
            const content = Buffer.concat([before.content, tail]);
            const parts = tail.length === 0 ? [before.content] : [before.content, tail];
            const etag = `${md5(Buffer.from(parts.map(md5).join('')))}-${parts.length}`;
            this.objects.set(key, { content, etag, metadata });
            return { etag };
          }),
      },
    };
  }

  #get(bucket: string, key: string): Stored {
    const found = this.objects.get(key);
    if (found === undefined) throw new ObjectMissing(bucket, key);
    return found;
  }

  #expect(bucket: string, key: string, etag: string | null | undefined): undefined {
    if (etag !== undefined && (this.objects.get(key)?.etag ?? null) !== etag)
      throw new ConditionFailed(bucket, key);
  }
}

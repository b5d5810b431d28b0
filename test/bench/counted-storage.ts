import { ConditionFailed, ObjectMissing } from '../../infra/s3/errors.ts';
import type { LogStorage } from '../../processors/logs/log-object.ts';

type Stored = {
  chunks: Buffer[];
  bytes: number;
  etag: string;
  metadata: Readonly<Record<string, string>>;
  counts: Counts;
};

/** What an object has cost: bytes sent, bytes copied, writes of it as a whole, and extensions. */
type Counts = { uploaded: number; copied: number; writes: number; appends: number };
const NOTHING: Counts = { uploaded: 0, copied: 0, writes: 0, appends: 0 };

/**
 * S3 as logs use it, in memory, that counts the bytes which are sent to it and those which it would have to copy. It copies
 * none: a day of a large log would be tens of gigabytes of the disk.
 */
export class CountedStorage {
  readonly #objects = new Map<string, Stored>();
  #version = 0;

  /** All lines of a bot's days. */
  lines(botId: string): string[] {
    const keys = this.keys().filter((key) => key.startsWith(`logs/${botId}/`));
    return keys.flatMap((key) => {
      const { chunks } = this.#get('', key);
      return Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
    });
  }

  keys(): string[] {
    return [...this.#objects.keys()].sort();
  }

  counts(key: string): Counts & { bytes: number } {
    const { bytes, counts } = this.#get('', key);
    return { ...counts, bytes };
  }

  readonly client: LogStorage = {
    stat: async (bucket, key) => ({ ...this.#get(bucket, key), lastModified: new Date(0) }),
    list: async (_bucket, prefix) =>
      this.keys()
        .filter((key) => key.startsWith(prefix))
        .map((key) => ({ ...this.#get('', key), key, lastModified: new Date(0) })),
    conditional: {
      read: async (bucket, key, { etag }) => {
        const found = this.#expect(bucket, key, etag) ?? this.#get(bucket, key);
        return { ...found, content: Buffer.concat(found.chunks) };
      },
      write: async (bucket, key, content, { ifEtag, metadata = {} }) => {
        this.#expect(bucket, key, ifEtag);
        const { length } = content;
        const { uploaded, writes, ...counts } = this.#objects.get(key)?.counts ?? NOTHING;
        return this.#put(key, {
          chunks: [content],
          bytes: length,
          metadata,
          counts: { ...counts, uploaded: uploaded + length, writes: writes + 1 },
        });
      },
      append: async (bucket, key, tail, { etag, ifEtag, metadata = {} }) => {
        this.#expect(bucket, key, etag);
        this.#expect(bucket, key, ifEtag);
        const { chunks, bytes, counts } = this.#get(bucket, key);
        chunks.push(tail);
        return this.#put(key, {
          chunks,
          bytes: bytes + tail.length,
          metadata,
          counts: {
            ...counts,
            uploaded: counts.uploaded + tail.length,
            copied: counts.copied + bytes,
            appends: counts.appends + 1,
          },
        });
      },
    },
  };

  #put(key: string, object: Omit<Stored, 'etag'>): { etag: string } {
    const etag = String((this.#version += 1));
    this.#objects.set(key, { ...object, etag });
    return { etag };
  }

  #get(bucket: string, key: string): Stored {
    const found = this.#objects.get(key);
    if (found === undefined) throw new ObjectMissing(bucket, key);
    return found;
  }

  #expect(bucket: string, key: string, etag: string | null | undefined): undefined {
    if (etag !== undefined && (this.#objects.get(key)?.etag ?? null) !== etag)
      throw new ConditionFailed(bucket, key);
  }
}

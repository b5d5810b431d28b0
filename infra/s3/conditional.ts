import type { Client } from 'minio';
import type { Bounds } from './bounds.ts';
import type { S3CallOptions } from './client.ts';
import { ConditionFailed, ObjectTooLarge, S3Unavailable } from './errors.ts';
import { multipart, partsOf, type Part } from './multipart.ts';
import { cleanEtag, condition, copySource, element, request, textOf, userMetadata } from './request.ts';

/** What an object is to become. */
export type ConditionalWrite = S3CallOptions & {
  /** What it has to be still; null: it must not be there yet. Absent: whatever it is, where a lease stands in. */
  ifEtag?: string | null;
  contentType: string;
  /** User metadata, without `x-amz-meta-`: what is not named is gone. */
  metadata?: Readonly<Record<string, string>>;
};

/** An object as it was at one moment: its content and what is said about it belong together. */
export type WholeObject = { content: Buffer; etag: string; metadata: Readonly<Record<string, string>> };

/**
 * Objects that several processes write. Each call names the object it means by its etag, and throws `ConditionFailed`
 * if it is another by now, so what is read and what is written can be one step. Whether the S3 at hand keeps to that is
 * found by `probeConditions`.
 */
export class S3Conditional {
  readonly #client: Client;
  readonly #bounds: Bounds;

  constructor(client: Client, bounds: Bounds) {
    this.#client = client;
    this.#bounds = bounds;
  }

  /** A whole object in memory; the one of `etag`, where given. */
  read(
    bucket: string,
    key: string,
    options: S3CallOptions & { maxBytes: number; etag?: string },
  ): Promise<WholeObject> {
    const context = { what: `read ${JSON.stringify(key)}`, bucket, key };
    return this.#bounds.transfer(context, options.signal, async (progress) => {
      const headers = condition(options.etag);
      const response = await request(this.#client, { method: 'GET', bucket, key, headers });
      try {
        const etag = cleanEtag(response.headers.etag ?? '');
        if (options.etag !== undefined && etag !== options.etag) throw new ConditionFailed(bucket, key);
        const chunks: Buffer[] = [];
        let bytes = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          progress();
          bytes += chunk.length;
          if (bytes > options.maxBytes) throw new ObjectTooLarge(key, bytes, options.maxBytes);
          chunks.push(chunk);
        }
        const announced = Number(response.headers['content-length'] ?? bytes);
        if (bytes !== announced)
          throw new S3Unavailable(`S3 sent ${bytes} of ${announced} bytes of ${JSON.stringify(key)}`);
        return { content: Buffer.concat(chunks, bytes), etag, metadata: metadataOf(response.headers) };
      } finally {
        response.destroy();
      }
    });
  }

  /** Replaces or creates an object. */
  write(bucket: string, key: string, content: Buffer, options: ConditionalWrite): Promise<{ etag: string }> {
    const context = { what: `write ${JSON.stringify(key)}`, bucket, key };
    return this.#bounds.transfer(context, options.signal, async (progress) => {
      const headers = {
        'Content-Type': options.contentType,
        ...userMetadata(options.metadata),
        ...condition(options.ifEtag),
      };
      const response = await request(this.#client, { method: 'PUT', bucket, key, headers, body: content });
      await textOf(response, progress);
      return { etag: cleanEtag(response.headers.etag ?? '') };
    });
  }

  /**
   * Makes an object of what is there and `tail`, without moving what is there. It has to hold at least 5 MiB: S3 takes
   * nothing smaller as a part that is not the last. Without `tail` it becomes what it is, with another etag. `etag` and
   * `bytes` are of the object that is there.
   */
  append(
    bucket: string,
    key: string,
    tail: Buffer,
    options: ConditionalWrite & { etag: string; bytes: number; partBytes?: number },
  ): Promise<{ etag: string }> {
    const context = { what: `extend ${JSON.stringify(key)}`, bucket, key };
    const source = {
      'x-amz-copy-source': copySource(bucket, key),
      'x-amz-copy-source-if-match': `"${options.etag}"`,
    };
    const copies = partsOf(options.bytes, options.partBytes).map(({ from, to, whole }): Part => ({
      headers: { ...source, ...(whole ? {} : { 'x-amz-copy-source-range': `bytes=${from}-${to}` }) },
    }));
    const parts: Part[] = tail.length === 0 ? copies : [...copies, { body: tail }];
    return this.#bounds.transfer(context, options.signal, (progress) =>
      multipart(this.#client, { bucket, key, parts, progress, ...options }),
    );
  }

  /** Copies an object within S3, with its metadata; the one of `etag`, where given. Up to 5 GiB. */
  copy(
    bucket: string,
    from: string,
    to: string,
    options: S3CallOptions & { etag?: string } = {},
  ): Promise<{ etag: string }> {
    const context = { what: `copy ${JSON.stringify(from)}`, bucket, key: from };
    return this.#bounds.transfer(context, options.signal, async (progress) => {
      const headers = {
        'x-amz-copy-source': copySource(bucket, from),
        ...(options.etag === undefined ? {} : { 'x-amz-copy-source-if-match': `"${options.etag}"` }),
      };
      const xml = await textOf(
        await request(this.#client, { method: 'PUT', bucket, key: to, headers }),
        progress,
      );
      const etag = element(xml, 'ETag');
      // S3 may find out after it began to answer 200.
      if (etag === undefined)
        throw new S3Unavailable(
          `S3 did not copy ${JSON.stringify(from)}: ${element(xml, 'Message') ?? 'it gave no etag'}`,
        );
      return { etag: cleanEtag(etag) };
    });
  }
}

const PREFIX = 'x-amz-meta-';

function metadataOf(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), String(value)]] : [],
    ),
  );
}

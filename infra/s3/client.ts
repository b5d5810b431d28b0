import type { FileHandle } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { Client } from 'minio';
import type { Settings } from '../config/settings.ts';
import { Bounds, type TimeLimits } from './bounds.ts';
import { S3Bulk } from './bulk.ts';
import { S3Conditional, type ConditionalWrite } from './conditional.ts';
import { parseEndpoint } from './endpoint.ts';
import { BucketMissing, DownloadNotStored, isMissing, ObjectTooLarge, S3Unavailable } from './errors.ts';
import { signedOnTime } from './signing-time.ts';
import { abortableTransport } from './transport.ts';
import { writeFile, type FileFacts } from './write-file.ts';

/** `etag` without quotes. `metadata` keys are lower-case, without `x-amz-meta-`. */
export type ObjectStat = {
  bytes: number;
  etag: string;
  lastModified: Date;
  metadata: Readonly<Record<string, string>>;
};
export type ListedObject = { key: string; bytes: number; etag: string; lastModified: Date };
export type S3CallOptions = { signal?: AbortSignal };

export type S3Options = TimeLimits & {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  useSsl: boolean;
  region: string;
  /** What has to be added to this host's `Date` to have the true time, milliseconds; unset: nothing. */
  clockOffsetMs?: () => number;
};

/** The S3 options as the settings have them. */
export function s3Options(settings: Settings): S3Options {
  return {
    endpoint: settings.S3_ENDPOINT,
    accessKey: settings.S3_ACCESS_KEY,
    secretKey: settings.S3_SECRET_KEY,
    useSsl: settings.S3_USE_SSL,
    region: settings.S3_REGION,
  };
}

/**
 * Plain S3, as much as the runtime needs. Every call ends in bounded time and throws only classes of `errors.ts`,
 * or the reason of the caller's own `signal`. It never retries: whoever calls knows whether the work is still wanted.
 */
export class S3Client implements Disposable {
  readonly endpoint: string;
  /** What concerns many objects at once. */
  readonly bulk: S3Bulk;
  /** Reading, copying and extending objects on condition that nobody else changed them. */
  readonly conditional: S3Conditional;
  readonly #client: Client;
  readonly #agent: http.Agent;
  readonly #bounds: Bounds;
  readonly #signsContent: boolean;

  constructor(options: S3Options) {
    const { host, port, useSsl } = parseEndpoint(options.endpoint, options.useSsl);
    this.endpoint = port === undefined ? host : `${host}:${port}`;
    this.#bounds = new Bounds(this.endpoint, options);
    this.#signsContent = !useSsl;
    this.#agent = new (useSsl ? https : http).Agent({ keepAlive: true, maxSockets: 32 });
    this.#client = new Client({
      endPoint: host,
      ...(port === undefined ? {} : { port }),
      useSSL: useSsl,
      accessKey: options.accessKey,
      secretKey: options.secretKey,
      region: options.region,
      transport: signedOnTime(abortableTransport(useSsl), {
        ...options,
        offsetMs: options.clockOffsetMs ?? (() => 0),
      }),
      transportAgent: this.#agent,
      retryOptions: { disableRetry: true },
    });
    this.bulk = new S3Bulk(this.#client, this.#bounds);
    this.conditional = new S3Conditional(this.#client, this.#bounds);
  }

  async stat(bucket: string, key: string, options: S3CallOptions = {}): Promise<ObjectStat> {
    const context = { what: `look up ${JSON.stringify(key)}`, bucket, key };
    try {
      const found = await this.#bounds.call(context, options.signal, () =>
        this.#client.statObject(bucket, key),
      );
      return {
        bytes: found.size,
        etag: cleanEtag(found.etag),
        lastModified: found.lastModified,
        metadata: textual(found.metaData),
      };
    } catch (error) {
      // A HEAD request cannot tell a missing bucket from a missing key, and the cure is not the same.
      if (isMissing(error) && !(await this.bucketExists(bucket, options)))
        throw new BucketMissing(bucket, { cause: error });
      throw error;
    }
  }

  /**
   * Streams an object into `file`, from position 0. Throws `ObjectTooLarge` before or as soon as it passes `maxBytes`,
   * `S3Unavailable` if it ends short of its announced length. `etag` is that of the bytes that came.
   */
  async download(
    bucket: string,
    key: string,
    file: FileHandle,
    options: S3CallOptions & { maxBytes: number },
  ): Promise<{ bytes: number; etag: string }> {
    const context = { what: `read ${JSON.stringify(key)}`, bucket, key };
    return this.#bounds.transfer(context, options.signal, async (progress, signal) => {
      const response = (await this.#client.getObject(bucket, key)) as http.IncomingMessage;
      const close = (): void => void response.destroy();
      signal.addEventListener('abort', close, { once: true });
      try {
        const announced = Number(response.headers['content-length'] ?? Number.NaN);
        if (announced > options.maxBytes) throw new ObjectTooLarge(key, announced, options.maxBytes);
        let bytes = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          progress();
          if (bytes + chunk.length > options.maxBytes)
            throw new ObjectTooLarge(key, bytes + chunk.length, options.maxBytes);
          await writeFully(file, key, chunk, bytes);
          bytes += chunk.length;
        }
        if (!Number.isNaN(announced) && bytes !== announced)
          throw new S3Unavailable(
            `S3 at ${this.endpoint} sent ${bytes} of ${announced} bytes of ${JSON.stringify(key)}`,
          );
        return { bytes, etag: cleanEtag(response.headers.etag ?? '') };
      } finally {
        signal.removeEventListener('abort', close);
        response.destroy();
      }
    });
  }

  /** Some bytes of an object, in memory. Throws `S3Unavailable` if fewer come than were asked for and are there. */
  async piece(
    bucket: string,
    key: string,
    options: S3CallOptions & { from: number; bytes: number },
  ): Promise<Buffer> {
    const { from, bytes, signal } = options;
    const context = { what: `read ${JSON.stringify(key)}`, bucket, key };
    return this.#bounds.transfer(context, signal, async (progress) => {
      const response = (await this.#client.getPartialObject(
        bucket,
        key,
        from,
        bytes,
      )) as http.IncomingMessage;
      try {
        const chunks: Buffer[] = [];
        let read = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          progress();
          chunks.push(chunk);
          read += chunk.length;
          // Who does not know of ranges sends everything.
          if (read > bytes) throw new ObjectTooLarge(key, read, bytes);
        }
        if (read < bytes)
          throw new S3Unavailable(
            `S3 at ${this.endpoint} sent ${read} of ${bytes} bytes of ${JSON.stringify(key)}`,
          );
        return Buffer.concat(chunks);
      } finally {
        response.destroy();
      }
    });
  }

  /** Replaces or creates an object. A stream needs its exact length in `bytes`. `headers` pass through (`If-Match` …). */
  async put(
    bucket: string,
    key: string,
    body: Buffer | string | Readable,
    options: S3CallOptions & {
      bytes?: number;
      contentType?: string;
      headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<{ etag: string }> {
    const context = { what: `write ${JSON.stringify(key)}`, bucket, key };
    const headers = {
      ...options.headers,
      ...(options.contentType === undefined ? {} : { 'Content-Type': options.contentType }),
    };
    return this.#bounds.transfer(context, options.signal, async (progress) => {
      if (typeof body === 'object' && 'pipe' in body) body.on('data', progress);
      const { etag } = await this.#client.putObject(bucket, key, body, options.bytes, headers);
      return { etag: cleanEtag(etag) };
    });
  }

  /** Replaces or creates an object by a local file, in one request, on condition (`conditional.ts`). Up to 5 GiB. */
  writeFile(
    bucket: string,
    key: string,
    file: FileHandle,
    options: ConditionalWrite & FileFacts,
  ): Promise<{ etag: string }> {
    const connection = { client: this.#client, bounds: this.#bounds, signsContent: this.#signsContent };
    return writeFile(connection, { bucket, key }, file, options);
  }

  /** Keys under `prefix`, in order, folders included; at most `limit` (default 10,000). */
  async list(
    bucket: string,
    prefix: string,
    options: S3CallOptions & { limit?: number } = {},
  ): Promise<ListedObject[]> {
    const limit = options.limit ?? 10_000;
    return this.#bounds.transfer(
      { what: `list ${JSON.stringify(prefix)}`, bucket },
      options.signal,
      async (progress, signal) => {
        const stream = this.#client.listObjectsV2(bucket, prefix, true);
        const close = (): void => void stream.destroy(signal.reason as Error);
        signal.addEventListener('abort', close, { once: true });
        const found: ListedObject[] = [];
        try {
          for await (const item of stream as AsyncIterable<{
            name?: string;
            size: number;
            etag: string;
            lastModified: Date;
          }>) {
            progress();
            if (item.name === undefined) continue;
            found.push({
              key: item.name,
              bytes: item.size,
              etag: cleanEtag(item.etag),
              lastModified: item.lastModified,
            });
            if (found.length >= limit) break;
          }
        } finally {
          signal.removeEventListener('abort', close);
        }
        return found;
      },
    );
  }

  /** No-op if the key is not there. */
  async remove(bucket: string, key: string, options: S3CallOptions = {}): Promise<void> {
    await this.#bounds.call({ what: `remove ${JSON.stringify(key)}`, bucket, key }, options.signal, () =>
      this.#client.removeObject(bucket, key),
    );
  }

  async bucketExists(bucket: string, options: S3CallOptions = {}): Promise<boolean> {
    try {
      return await this.#bounds.call({ what: 'look up the bucket', bucket }, options.signal, () =>
        this.#client.bucketExists(bucket),
      );
    } catch (error) {
      if (error instanceof BucketMissing) return false;
      throw error;
    }
  }

  /** Creates the bucket if it is not there. Safe to call from several processes at once. */
  async ensureBucket(bucket: string, options: S3CallOptions = {}): Promise<void> {
    if (await this.bucketExists(bucket, options)) return;
    try {
      await this.#bounds.call(
        { what: `create the bucket ${JSON.stringify(bucket)}`, bucket },
        options.signal,
        () => this.#client.makeBucket(bucket),
      );
    } catch (error) {
      if (!(await this.bucketExists(bucket, options))) throw error;
    }
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function cleanEtag(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

function textual(metadata: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

async function writeFully(file: FileHandle, key: string, chunk: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
      done += bytesWritten;
    }
  } catch (error) {
    throw new DownloadNotStored(key, { cause: error });
  }
}

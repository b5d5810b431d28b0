import type { FileHandle } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { Client } from 'minio';
import type { Settings } from '../config/settings.ts';
import { parseEndpoint } from './endpoint.ts';
import { BucketMissing, classify, DownloadNotStored, isMissing, ObjectTooLarge, S3Unavailable, type CallContext } from './errors.ts';
import { abortableTransport, withSignal } from './transport.ts';

/** `etag` without quotes. `metadata` keys are lower-case, without `x-amz-meta-`. */
export type ObjectStat = { bytes: number; etag: string; lastModified: Date; metadata: Readonly<Record<string, string>> };
export type ListedObject = { key: string; bytes: number; etag: string; lastModified: Date };
export type S3CallOptions = { signal?: AbortSignal };

export type S3Options = {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  useSsl: boolean;
  region: string;
  /** How long a call without a body may take. Default 10 s. */
  callTimeoutMs?: number;
  /** How long a transfer may go without a single byte. Default 15 s. */
  stallTimeoutMs?: number;
  /** How long a transfer may take in all. Default 10 min. */
  transferTimeoutMs?: number;
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
  readonly #client: Client;
  readonly #agent: http.Agent;
  readonly #callTimeoutMs: number;
  readonly #stallTimeoutMs: number;
  readonly #transferTimeoutMs: number;

  constructor(options: S3Options) {
    const { host, port, useSsl } = parseEndpoint(options.endpoint, options.useSsl);
    this.endpoint = port === undefined ? host : `${host}:${port}`;
    this.#callTimeoutMs = options.callTimeoutMs ?? 10_000;
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 15_000;
    this.#transferTimeoutMs = options.transferTimeoutMs ?? 600_000;
    this.#agent = new (useSsl ? https : http).Agent({ keepAlive: true, maxSockets: 32 });
    this.#client = new Client({
      endPoint: host,
      ...(port === undefined ? {} : { port }),
      useSSL: useSsl,
      accessKey: options.accessKey,
      secretKey: options.secretKey,
      region: options.region,
      transport: abortableTransport(useSsl),
      transportAgent: this.#agent,
      retryOptions: { disableRetry: true },
    });
  }

  async stat(bucket: string, key: string, options: S3CallOptions = {}): Promise<ObjectStat> {
    const context = { what: `look up ${JSON.stringify(key)}`, bucket, key };
    try {
      const found = await this.#call(context, options.signal, () => this.#client.statObject(bucket, key));
      return { bytes: found.size, etag: cleanEtag(found.etag), lastModified: found.lastModified, metadata: textual(found.metaData) };
    } catch (error) {
      // A HEAD request cannot tell a missing bucket from a missing key, and the cure is not the same.
      if (isMissing(error) && !(await this.bucketExists(bucket, options))) throw new BucketMissing(bucket, { cause: error });
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
    return this.#transfer(context, options.signal, async (progress, signal) => {
      const response = (await this.#client.getObject(bucket, key)) as http.IncomingMessage;
      const close = (): void => void response.destroy();
      signal.addEventListener('abort', close, { once: true });
      try {
        const announced = Number(response.headers['content-length'] ?? Number.NaN);
        if (announced > options.maxBytes) throw new ObjectTooLarge(key, announced, options.maxBytes);
        let bytes = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          progress();
          if (bytes + chunk.length > options.maxBytes) throw new ObjectTooLarge(key, bytes + chunk.length, options.maxBytes);
          await writeFully(file, key, chunk, bytes);
          bytes += chunk.length;
        }
        if (!Number.isNaN(announced) && bytes !== announced)
          throw new S3Unavailable(`S3 at ${this.endpoint} sent ${bytes} of ${announced} bytes of ${JSON.stringify(key)}`);
        return { bytes, etag: cleanEtag(response.headers.etag ?? '') };
      } finally {
        signal.removeEventListener('abort', close);
        response.destroy();
      }
    });
  }

  /** Replaces or creates an object. A stream needs its exact length in `bytes`. `headers` pass through (`If-Match` …). */
  async put(
    bucket: string,
    key: string,
    body: Buffer | string | Readable,
    options: S3CallOptions & { bytes?: number; contentType?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<{ etag: string }> {
    const context = { what: `write ${JSON.stringify(key)}`, bucket, key };
    const headers = { ...options.headers, ...(options.contentType === undefined ? {} : { 'Content-Type': options.contentType }) };
    return this.#transfer(context, options.signal, async (progress) => {
      if (typeof body === 'object' && 'pipe' in body) body.on('data', progress);
      const { etag } = await this.#client.putObject(bucket, key, body, options.bytes, headers);
      return { etag: cleanEtag(etag) };
    });
  }

  /** Keys under `prefix`, in order, folders included; at most `limit` (default 10,000). */
  async list(bucket: string, prefix: string, options: S3CallOptions & { limit?: number } = {}): Promise<ListedObject[]> {
    const limit = options.limit ?? 10_000;
    return this.#transfer({ what: `list ${JSON.stringify(prefix)}`, bucket }, options.signal, async (progress, signal) => {
      const stream = this.#client.listObjectsV2(bucket, prefix, true);
      const close = (): void => void stream.destroy(signal.reason as Error);
      signal.addEventListener('abort', close, { once: true });
      const found: ListedObject[] = [];
      try {
        for await (const item of stream as AsyncIterable<{ name?: string; size: number; etag: string; lastModified: Date }>) {
          progress();
          if (item.name === undefined) continue;
          found.push({ key: item.name, bytes: item.size, etag: cleanEtag(item.etag), lastModified: item.lastModified });
          if (found.length >= limit) break;
        }
      } finally {
        signal.removeEventListener('abort', close);
      }
      return found;
    });
  }

  /** No-op if the key is not there. */
  async remove(bucket: string, key: string, options: S3CallOptions = {}): Promise<void> {
    await this.#call({ what: `remove ${JSON.stringify(key)}`, bucket, key }, options.signal, () => this.#client.removeObject(bucket, key));
  }

  async bucketExists(bucket: string, options: S3CallOptions = {}): Promise<boolean> {
    try {
      return await this.#call({ what: 'look up the bucket', bucket }, options.signal, () => this.#client.bucketExists(bucket));
    } catch (error) {
      if (error instanceof BucketMissing) return false;
      throw error;
    }
  }

  /** Creates the bucket if it is not there. Safe to call from several processes at once. */
  async ensureBucket(bucket: string, options: S3CallOptions = {}): Promise<void> {
    if (await this.bucketExists(bucket, options)) return;
    try {
      await this.#call({ what: `create the bucket ${JSON.stringify(bucket)}`, bucket }, options.signal, () => this.#client.makeBucket(bucket));
    } catch (error) {
      if (!(await this.bucketExists(bucket, options))) throw error;
    }
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #call<T>(context: Omit<CallContext, 'endpoint'>, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#bounded(context, signal, this.#callTimeoutMs, () => work());
  }

  /** As `#call`, with the longer limit of a transfer, and given up when nothing moves: `progress` says that it does. */
  async #transfer<T>(
    context: Omit<CallContext, 'endpoint'>,
    signal: AbortSignal | undefined,
    work: (progress: () => void, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stall = new AbortController();
    const timer = setTimeout(() => {
      stall.abort(new S3Unavailable(`S3 at ${this.endpoint} could not ${context.what}: nothing moved for ${this.#stallTimeoutMs} ms`));
    }, this.#stallTimeoutMs);
    timer.unref();
    try {
      return await this.#bounded(context, signal, this.#transferTimeoutMs, (inner) => work(() => timer.refresh(), inner), stall.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #bounded<T>(
    context: Omit<CallContext, 'endpoint'>,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    work: (signal: AbortSignal) => Promise<T>,
    extra?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort(new S3Unavailable(`S3 at ${this.endpoint} could not ${context.what}: no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
    const any = AbortSignal.any([limit.signal, signal, extra].filter((one) => one !== undefined));
    try {
      return await Promise.race([withSignal(any, () => work(any)), rejection(any)]);
    } catch (error) {
      // An aborted request fails with whatever its socket says: the reason tells why it was aborted.
      any.throwIfAborted();
      throw classify(error, { ...context, endpoint: this.endpoint });
    } finally {
      clearTimeout(timer);
    }
  }
}

function cleanEtag(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

function textual(metadata: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Never resolves; rejects when the signal fires, in case the library does not notice its closed socket. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function writeFully(file: FileHandle, key: string, chunk: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
      done += bytesWritten;
    }
  } catch (error) {
    throw new DownloadNotStored(key, { cause: error });
  }
}

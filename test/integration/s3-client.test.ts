import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { S3Client, s3Options, type S3Options } from '../../infra/s3/client.ts';
import {
  BucketMissing,
  ObjectMissing,
  ObjectTooLarge,
  S3Denied,
  S3Unavailable,
} from '../../infra/s3/errors.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const options = s3Options(loadSettings(servers.environment));
const bucket = `${servers.bucketPrefix}objects`;
let folder = '';
let s3: S3Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-'));
  s3 = new S3Client(options);
  await s3.ensureBucket(bucket);
});
afterAll(async () => {
  s3[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

async function download(
  client: S3Client,
  key: string,
  maxBytes = 10_000_000,
  signal?: AbortSignal,
  from = bucket,
): Promise<{ bytes: number; etag: string; content: Buffer }> {
  const path = join(folder, 'download');
  await rm(path, { force: true });
  await using file = await open(path, 'wx+');
  const result = await client.download(
    from,
    key,
    file,
    signal === undefined ? { maxBytes } : { maxBytes, signal },
  );
  return { ...result, content: await readFile(path) };
}

describe('against a real S3', () => {
  it('what is put comes back, with the same etag from stat, download and list', async () => {
    const content = Buffer.from('zip bytes '.repeat(50_000));
    const { etag } = await s3.put(bucket, 'u1/bot/1.0.0', content, {
      contentType: 'application/zip',
      headers: { 'x-amz-meta-source': 'test' },
    });
    const stat = await s3.stat(bucket, 'u1/bot/1.0.0');
    expect(stat).toMatchObject({ bytes: content.length, etag });
    expect(etag).toMatch(/^[0-9a-f]{32}$/);
    expect(stat.metadata).toMatchObject({ source: 'test', 'content-type': 'application/zip' });
    const got = await download(s3, 'u1/bot/1.0.0');
    expect(got).toMatchObject({ bytes: content.length, etag });
    expect(got.content.equals(content)).toBe(true);
    expect(await s3.list(bucket, 'u1/')).toEqual([
      expect.objectContaining({ key: 'u1/bot/1.0.0', bytes: content.length, etag }),
    ]);
  });

  it('an object and a prefix of the same name coexist', async () => {
    await s3.put(bucket, 'u2/bot/1.0.0', 'zip');
    await s3.put(bucket, 'u2/bot/1.0.0/frontend.js', 'js');
    expect((await download(s3, 'u2/bot/1.0.0')).content.toString()).toBe('zip');
    expect((await s3.list(bucket, 'u2/')).map(({ key }) => key)).toEqual([
      'u2/bot/1.0.0',
      'u2/bot/1.0.0/frontend.js',
    ]);
  });

  it('list stops at its limit', async () => {
    for (let index = 0; index < 5; index += 1) await s3.put(bucket, `many/${index}`, 'x');
    expect(await s3.list(bucket, 'many/', { limit: 3 })).toHaveLength(3);
  });

  it('tells a missing key from a missing bucket, in every call', async () => {
    await expect(s3.stat(bucket, 'nothing/here')).rejects.toBeInstanceOf(ObjectMissing);
    await expect(download(s3, 'nothing/here')).rejects.toBeInstanceOf(ObjectMissing);
    await expect(s3.stat(`${bucket}-absent`, 'key')).rejects.toBeInstanceOf(BucketMissing);
    await expect(download(s3, 'key', 10, undefined, `${bucket}-absent`)).rejects.toBeInstanceOf(
      BucketMissing,
    );
    await expect(s3.list(`${bucket}-absent`, '')).rejects.toBeInstanceOf(BucketMissing);
    await expect(s3.stat('Not A Bucket', 'key')).rejects.toBeInstanceOf(BucketMissing);
    await expect(s3.stat(bucket, 'nothing/here')).rejects.toMatchObject({
      code: 'object_missing',
      retryable: true,
      message: expect.stringContaining('nothing/here') as string,
    });
  });

  it('removing what is not there is no error', async () => {
    await s3.put(bucket, 'gone', 'x');
    await s3.remove(bucket, 'gone');
    await s3.remove(bucket, 'gone');
    await expect(s3.stat(bucket, 'gone')).rejects.toBeInstanceOf(ObjectMissing);
  });

  it('a bucket can be ensured by several at once', async () => {
    const name = `${servers.bucketPrefix}raced`;
    await Promise.all(Array.from({ length: 5 }, () => s3.ensureBucket(name)));
    expect(await s3.bucketExists(name)).toBe(true);
    expect(await s3.bucketExists(`${name}-not`)).toBe(false);
  });

  it.each([
    ['a wrong secret', { secretKey: 'wrong-secret-of-mine' }],
    ['a wrong key', { accessKey: 'nobody' }],
    ['no keys', { accessKey: '', secretKey: '' }],
  ])('with %s: refused, naming the settings and no secret', async (_what, wrong) => {
    using client = new S3Client({ ...options, ...wrong });
    const error = await client.stat(bucket, 'u1/bot/1.0.0').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(S3Denied);
    expect((error as Error).message).toMatch(/S3_ACCESS_KEY, S3_SECRET_KEY/);
    expect((error as Error).message).not.toContain('wrong-secret-of-mine');
    await expect(download(client, 'u1/bot/1.0.0')).rejects.toBeInstanceOf(S3Denied);
  });

  it('an object over the limit is not fetched', async () => {
    await s3.put(bucket, 'large', Buffer.alloc(100_000));
    await expect(download(s3, 'large', 99_999)).rejects.toBeInstanceOf(ObjectTooLarge);
    expect((await download(s3, 'large', 100_000)).bytes).toBe(100_000);
  });
});

describe('against a server that misbehaves', () => {
  const opened: Server[] = [];
  afterAll(() => opened.forEach((server) => server.close()));

  async function misbehaving(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
    more: Partial<S3Options> = {},
  ): Promise<S3Client> {
    const server = createServer(handle);
    opened.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new S3Client({ ...options, endpoint, callTimeoutMs: 300, stallTimeoutMs: 300, ...more });
  }

  it('nobody listens: unavailable at once, with the address', async () => {
    using client = new S3Client({ ...options, endpoint: '127.0.0.1:1' });
    await expect(client.stat(bucket, 'x')).rejects.toMatchObject({
      name: 'S3Unavailable',
      retryable: true,
      message: expect.stringMatching(/127\.0\.0\.1:1 .*ECONNREFUSED/) as string,
    });
  });

  it('it never answers: unavailable after the time limit, and the connection is closed', async () => {
    let closed = false;
    using client = await misbehaving((request) => request.socket.on('close', () => (closed = true)));
    await expect(client.stat(bucket, 'x')).rejects.toThrow(/no answer within 300 ms/);
    await until(() => closed);
  });

  it('it stops in the middle of an object: unavailable after the stall limit', async () => {
    using client = await misbehaving((_request, response) => {
      response.writeHead(200, { 'content-length': '1000', etag: '"e"' });
      response.write('half');
    });
    await expect(download(client, 'x')).rejects.toThrow(/nothing moved for 300 ms/);
  });

  it('it cuts an object off: unavailable, never a short file taken for a whole one', async () => {
    using client = await misbehaving((_request, response) => {
      response.writeHead(200, { 'content-length': '1000', etag: '"e"' });
      response.write('half', () => response.socket?.destroy());
    });
    await expect(download(client, 'x')).rejects.toBeInstanceOf(S3Unavailable);
  });

  it('it sends without end and without saying how much: cut at the limit', async () => {
    // A busy machine may carry nothing for a moment: that is not what is tested.
    using client = await misbehaving(
      (_request, response) => {
        response.writeHead(200, { etag: '"e"' });
        const feed = (): void => void (response.destroyed || response.write(Buffer.alloc(65_536), feed));
        feed();
      },
      { stallTimeoutMs: 60_000 },
    );
    await expect(download(client, 'x', 1_000_000)).rejects.toBeInstanceOf(ObjectTooLarge);
  });

  it.each([500, 503, 429])('it answers %i: unavailable, to be tried again', async (status) => {
    using client = await misbehaving((_request, response) => response.writeHead(status).end());
    await expect(client.stat(bucket, 'x')).rejects.toBeInstanceOf(S3Unavailable);
    await expect(download(client, 'x')).rejects.toBeInstanceOf(S3Unavailable);
  });

  it('a caller that gives up is heard at once, and the connection is closed', async () => {
    let closed = false;
    const controller = new AbortController();
    const reason = new Error('not wanted any more');
    using client = await misbehaving(
      (request, response) => {
        request.socket.on('close', () => (closed = true));
        response.writeHead(200, { 'content-length': '1000', etag: '"e"' });
        response.write('half');
        // Counted from here: one that gives up before its call is made closes nothing.
        setTimeout(() => controller.abort(reason), 100);
      },
      { stallTimeoutMs: 60_000 },
    );
    const running = download(client, 'x', 1_000_000, controller.signal);
    await expect(running).rejects.toBe(reason);
    await until(() => closed);
  });

  it('a signal that has fired already makes no call', async () => {
    let calls = 0;
    using client = await misbehaving(() => (calls += 1));
    await expect(client.stat(bucket, 'x', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
      'no',
    );
    expect(calls).toBe(0);
  });
});

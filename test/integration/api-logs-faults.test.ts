import { randomBytes } from 'node:crypto';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { LogService, type StreamLogsResponse } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import { clientOf, startTestApi, transportOf, type TestApi } from '../support/api.ts';
import { refusalOf } from '../support/api-in-process.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { LogReader, said, type LogRequest } from '../support/log-reader.ts';
import { until } from '../support/poll.ts';
import { PrintingBots } from '../support/printing-log.ts';
import { testServers } from '../support/servers.ts';

/** Streams of logs over gRPC whose readers are slow or gone, and whose servers are away. */
const servers = testServers();
let nats: FaultProxy;
let s3: FaultProxy;
let api: TestApi;
let bots: PrintingBots;
let token: string;

beforeAll(async () => {
  bots = await PrintingBots.open(servers, loadSettings(servers.environment));
  const url = new URL(servers.natsUrl);
  nats = await FaultProxy.start(Number(url.port));
  s3 = await FaultProxy.start(servers.s3.port);
  url.port = String(nats.port);
  api = await startTestApi({
    environment: {
      ...servers.environment,
      NATS_URL: url.href,
      S3_ENDPOINT: `127.0.0.1:${s3.port}`,
    },
  });
  token = await api.token('viewer');
  await until(() => api.connections.nats().catch(() => undefined));
});
afterAll(async () => {
  await api?.stop();
  await bots?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
  await s3?.[Symbol.asyncDispose]();
});

const logs = () => clientOf(api, LogService, token);
const read = (request: LogRequest): LogReader => new LogReader(logs(), request);
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `n${from + at}`);
const refused = async (reader: LogReader) =>
  reader.done.then((error) => refusalOf(Promise.reject(error as Error)));

it('while NATS is away what is stored is told, then why no more is; a reader who was cut off misses nothing', async () => {
  bots.keep('cut', ...numbered(1, 3));
  await bots.save('cut');
  const cut = read({ id: 'cut' });
  await cut.has('n3');
  bots.print('cut', 'n4');
  await cut.has('n4');
  nats.cut();
  expect(await refused(cut)).toMatchObject({ status: 'Unavailable', dependency: 'nats' });
  bots.print('cut', 'n5');
  const late = read({ id: 'cut' });
  expect(await refused(late)).toMatchObject({ status: 'Unavailable', dependency: 'nats' });
  // Whether n4 was saved by then is the saver's affair.
  expect(late.texts.slice(0, 3)).toEqual(numbered(1, 3));
  nats.heal();
  await until(() => api.connections.nats().catch(() => undefined));
  bots.print('cut', 'n6');
  const again = read({ id: 'cut', after: cut.position });
  await again.has('n6');
  expect([...cut.texts, ...again.texts]).toEqual(numbered(1, 6));
  await again.leave();
});

it('while S3 is away what is printed now is told, with a note; what needs S3 says so', async () => {
  bots.keep('no-s3', 'n1');
  await bots.save('no-s3');
  s3.cut();
  await api.connections.collections.bots.insertOne({ id: 'no-s3' });
  expect(await refusalOf(logs().getLogs({ id: 'no-s3' }))).toMatchObject({
    status: 'Unavailable',
    dependency: 's3',
  });
  const reader = read({ id: 'no-s3' });
  await until(() => reader.notes.length > 0);
  expect(reader.notes.join()).toContain('S3 does not answer');
  await until(() => {
    bots.publish('no-s3', 'live');
    return reader.texts.includes('live');
  });
  s3.heal();
  expect(reader.texts).not.toContain('n1');
  await reader.leave();
  expect((await logs().getLogs({ id: 'no-s3' })).lines.map(({ text }) => said(text))).toEqual(['n1']);
});

it('a slow reader holds up nobody, is told where to go on, and goes on there without a hole', async () => {
  bots.keep('slow', 'n0');
  await bots.save('slow');
  const quick = read({ id: 'slow' });
  await quick.has('n0');
  const leave = new AbortController();
  const slow = logs().streamLogs({ id: 'slow' }, { signal: leave.signal })[Symbol.asyncIterator]();
  const texts: string[] = [];
  let position = '';
  const take = async (): Promise<boolean> => {
    const step: IteratorResult<StreamLogsResponse, unknown> = await slow.next();
    if (step.done === true) return false;
    const { lines, position: after } = step.value;
    texts.push(...lines.map(({ text }) => said(text).split(' ')[0] ?? ''));
    if (after !== '') position = after;
    return true;
  };
  while (!texts.includes('n0')) await take();
  // Nothing that a server could compress: 8 MB.
  const last = 4_000;
  for (let n = 1; n <= last; n += 20) {
    bots.print(
      'slow',
      ...numbered(n, n + 19).map((text) => `${text} ${randomBytes(1_500).toString('base64')}`),
    );
    // As fast as the quick one reads, whatever else this machine does.
    await until(() => quick.texts.length > n - 500, { everyMs: 1 });
  }
  await until(() => quick.texts.length === last + 1);
  await quick.leave();
  const told = await (async () => {
    while (await take());
  })().catch((error: unknown) => error);
  expect(await refusalOf(Promise.reject(told as Error))).toMatchObject({
    status: 'ResourceExhausted',
    code: 'reader_too_slow',
  });
  expect(texts.length).toBeLessThan(last);
  const rest = read({ id: 'slow', after: position });
  await until(() => rest.texts.at(-1)?.startsWith(`n${last} `));
  await rest.leave();
  const all = [...texts, ...rest.texts.map((text) => text.split(' ')[0] ?? '')];
  expect(all).toEqual(numbered(0, last));
}, 60_000);

it('all readers are told when the server stops, over gRPC and over HTTP with JSON', async () => {
  bots.keep('gone', 'n1');
  await bots.save('gone');
  const stays = read({ id: 'gone' });
  const json = new LogReader(createJson(), { id: 'gone' });
  await Promise.all([stays.has('n1'), json.has('n1')]);
  const before = performance.now();
  await api.server.close();
  for (const reader of [stays, json]) expect(await refused(reader)).toMatchObject({ status: 'Unavailable' });
  expect(performance.now() - before).toBeLessThan(10_000);
});

/** Over HTTP/1.1, as a browser would. */
const createJson = () => createClient(LogService, transportOf(api, 'Connect', token));

import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dayText } from '../../producers/control/logs/place.ts';
import { callFromPython } from '../foreign/python.ts';
import { bearer, callJson, startTestApi, type TestApi } from '../support/api.ts';
import { until } from '../support/poll.ts';
import { testDirectory, testServers } from '../support/servers.ts';

const servers = testServers();
const stopped: string[] = [];
let api: TestApi;
let operator: string;
let viewer: string;

beforeAll(async () => {
  api = await startTestApi({
    environment: servers.environment,
    services: {
      bots: {
        listBots: () => ({ bots: [{ id: 'one' }, { id: 'two' }], total: 2 }),
        stopBot: ({ id }) => {
          stopped.push(id);
          return { changed: true, outcome: `${id} is held` };
        },
        explainBot: async () => {
          await sleep(5_000);
          return {};
        },
      },
      events: {
        streamEvents: async function* () {
          for (let position = 1; ; position += 1) {
            yield { position: `p${position}` };
            await sleep(10);
          }
        },
      },
    },
  });
  [operator, viewer] = await Promise.all([api.token('operator'), api.token('viewer')]);
});

afterAll(() => api.stop());

it('Python’s gRPC with stubs of its own calls health, reads, changes, follows and is refused', async () => {
  const dir = testDirectory();
  mkdirSync(dir, { recursive: true });
  const address = `${api.server.grpc.host}:${api.server.grpc.port}`;
  const { s3, nats, settings } = api.connections;
  await s3.ensureBucket(settings.S3_LOG_BUCKET);
  const stored = ['one', 'two'].map((message) => `${JSON.stringify({ message })}\n`).join('');
  await s3.put(settings.S3_LOG_BUCKET, `logs/python-bot/${dayText(Date.now())}.log`, stored);
  const connection = await until(() => nats().catch(() => undefined));
  const printing = setInterval(() => connection.publish('the0.bot.logs.python-bot', 'live\n'), 100);
  const told = await callFromPython(address, { token: operator, viewer, bot: 'python-bot' }, dir).finally(
    () => clearInterval(printing),
  );
  expect(told).toMatchObject({
    health: { status: 'SERVING' },
    watched: { status: 'SERVING' },
    who: { role: 'ROLE_OPERATOR' },
    nobody: { code: 'UNAUTHENTICATED', problem: { code: 'no_token' } },
    bots: { bots: [{ id: 'one' }, { id: 'two' }], total: 2 },
    page: { code: 'INVALID_ARGUMENT', problem: { code: 'invalid_request', field: 'page.size' } },
    denied: { code: 'PERMISSION_DENIED', problem: { code: 'permission_denied' } },
    stopped: { changed: true, outcome: 'python-bot is held' },
    again: { changed: true, outcome: 'python-bot is held' },
    other: { code: 'ALREADY_EXISTS', problem: { code: 'idempotency_key_reused' } },
    late: { code: 'DEADLINE_EXCEEDED' },
    events: ['p1', 'p2', 'p3'],
    followed: {
      texts: ['{"message":"one"}', '{"message":"two"}', 'live'],
      again: ['{"message":"two"}', 'live'],
    },
    log: { lines: [{ text: '{"message":"two"}' }] },
    large: { code: 'RESOURCE_EXHAUSTED' },
    after: { total: 2 },
  });
  expect(stopped.filter((id) => id === 'python-bot')).toHaveLength(1);
}, 400_000);

it('a plain HTTP client reads, changes once, and is refused in words that it can parse', async () => {
  const change = { reason: 'month end', idempotencyKey: 'fetch-1' };
  const stop = (body: Record<string, unknown>, token = operator) =>
    callJson(api, 'BotService/StopBot', { id: 'fetch-bot', change, ...body }, bearer(token));
  expect(await callJson(api, 'BotService/ListBots', {}, bearer(viewer))).toMatchObject({
    status: 200,
    body: { bots: [{ id: 'one' }, { id: 'two' }], total: 2 },
  });
  const answers = [await stop({}), await stop({})];
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [200, { changed: true, outcome: 'fetch-bot is held' }],
    [200, { changed: true, outcome: 'fetch-bot is held' }],
  ]);
  expect(stopped.filter((id) => id === 'fetch-bot')).toHaveLength(1);
  expect(await stop({ id: 'another' })).toMatchObject({
    status: 409,
    body: { code: 'already_exists', details: [{ debug: { code: 'idempotency_key_reused' } }] },
  });
  expect((await stop({}, viewer)).status).toBe(403);
});

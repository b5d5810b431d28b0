import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProblemSchema } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { InstallationService, Role } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import { RunService } from '../../proto/gen/the0/runtime/v1/runs_pb.js';
import { NotFound } from '../../producers/control/errors.ts';
import { bearer, callJson, clientOf, startTestApi, type TestApi } from '../support/api.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
let api: TestApi;
let operator: string;
let admin: string;

/** Bots that were stopped, in order; how a stop goes is the test's to say. */
const stopped: string[] = [];
let stop: (id: string) => Promise<void> = async () => undefined;
const services = {
  bots: {
    stopBot: async ({ id }: { id: string }) => {
      stopped.push(id);
      await stop(id);
      return { changed: true, outcome: `${id} is held, and stops` };
    },
  },
  runs: { backfill: () => ({ zone: 'UTC' }) },
};
const timesStopped = (id: string): number => stopped.filter((each) => each === id).length;

const problemOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('It was not refused');
  const [problem] = error.findDetails(ProblemSchema);
  return {
    code: Code[error.code],
    problem: problem?.code,
    field: problem?.field,
    dependency: problem?.dependency,
  };
};

const stopBot = (id: string, idempotencyKey = '', reason = 'month end', by = api, token = operator) =>
  clientOf(by, BotService, token).stopBot({ id, change: { reason, idempotencyKey } });

const auditOf = (target: string) =>
  api.connections.collections.audit.find({ target }).sort({ at: 1, _id: 1 }).toArray();

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment, services });
  [operator, admin] = await Promise.all([api.token('operator'), api.token('admin')]);
});

afterAll(() => api.stop());

it('what is done is on record before it is done, and with its outcome after it', async () => {
  const id = randomUUID();
  let during: unknown;
  stop = async () => {
    [during] = await auditOf(id);
  };
  await stopBot(id);
  stop = async () => undefined;
  expect(during).toMatchObject({ outcome: 'begun', what: 'BotService/StopBot', why: 'month end' });
  const [entry, ...more] = await auditOf(id);
  expect(more).toEqual([]);
  expect(entry).toMatchObject({ role: 'operator', outcome: 'done', message: `${id} is held, and stops` });
  expect(entry?.who).toMatch(/^operator-/);
  expect(entry?.endedAt?.getTime()).toBeGreaterThanOrEqual(entry?.at.getTime() ?? Infinity);
});

it('what was refused by an operation, or failed, is on record as that', async () => {
  const [unknown, broken] = [randomUUID(), randomUUID()];
  stop = async (id) => {
    if (id === unknown) throw new NotFound('bot', id);
    throw new Error('a cable with the password hunter2 was cut');
  };
  expect(await problemOf(stopBot(unknown))).toMatchObject({
    code: 'NotFound',
    problem: 'bot_not_found',
    field: 'id',
  });
  const answer = await callJson(
    api,
    'BotService/StopBot',
    { id: broken, change: { reason: 'x' } },
    bearer(operator),
  );
  stop = async () => undefined;
  expect(answer.status).toBe(500);
  expect(answer.body).toMatchObject({ code: 'internal', details: [{ debug: { code: 'internal' } }] });
  expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  const [refused, failed] = [await auditOf(unknown), await auditOf(broken)];
  expect(refused.map(({ outcome }) => outcome)).toEqual(['bot_not_found']);
  expect(failed.map(({ outcome }) => outcome)).toEqual(['internal']);
  expect(failed[0]?.message).toBe(answer.body['message']);
});

it('a change without a reason is refused with the field that lacks it', async () => {
  const id = randomUUID();
  const call = clientOf(api, BotService, operator).stopBot({ id, change: { reason: '' } });
  expect(await problemOf(call)).toMatchObject({ code: 'InvalidArgument', field: 'change.reason' });
  const bare = clientOf(api, BotService, operator).stopBot({ id });
  expect(await problemOf(bare)).toMatchObject({ code: 'InvalidArgument', field: 'change' });
  expect(timesStopped(id)).toBe(0);
});

it('twenty of the same request at once are done once, and answered alike', async () => {
  const id = randomUUID();
  stop = () => new Promise((resolve) => setTimeout(resolve, 200));
  await using elsewhere = await startTestApi({ environment: servers.environment, services });
  const calls = Array.from({ length: 20 }, (_, at) =>
    stopBot(id, 'key-1', 'x', at % 2 === 0 ? api : elsewhere),
  );
  const answers = await Promise.all(calls);
  stop = async () => undefined;
  expect(timesStopped(id)).toBe(1);
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set([`${id} is held, and stops`]));
  expect(await auditOf(id)).toHaveLength(1);
});

it('the same key with another request is refused, whoever answers', async () => {
  const id = randomUUID();
  await stopBot(id, `key-${id}`);
  await using elsewhere = await startTestApi({ environment: servers.environment, services });
  const expected = {
    code: 'AlreadyExists',
    problem: 'idempotency_key_reused',
    field: 'change.idempotencyKey',
  };
  expect(await problemOf(stopBot(randomUUID(), `key-${id}`, 'month end', elsewhere))).toMatchObject(expected);
  expect(await problemOf(stopBot(id, `key-${id}`, 'another reason'))).toMatchObject(expected);
  expect(timesStopped(id)).toBe(1);
});

it('keys of different callers are different keys', async () => {
  const id = randomUUID();
  const other = await api.token('operator');
  await stopBot(id, 'shared-key-of-nobody');
  await stopBot(id, 'shared-key-of-nobody', 'month end', api, other);
  expect(timesStopped(id)).toBe(2);
});

it('a request that failed may be tried again with its key', async () => {
  const id = randomUUID();
  stop = async () => {
    throw new NotFound('bot', id);
  };
  expect(await problemOf(stopBot(id, `key-${id}`))).toMatchObject({ problem: 'bot_not_found' });
  stop = async () => undefined;
  await stopBot(id, `key-${id}`);
  await stopBot(id, `key-${id}`);
  expect(timesStopped(id)).toBe(2);
});

it('a request whose processor died is taken up by the next of its like, not before', async () => {
  const id = randomUUID();
  const { idempotency } = api.connections.collections;
  await stopBot(id, `key-${id}`);
  const own = { '_id.key': `key-${id}` };
  await idempotency.updateOne(own, {
    $unset: { response: true },
    $set: { attempt: 'of a process that died' },
  });
  const early = new AbortController();
  const tooSoon = clientOf(api, BotService, operator).stopBot(
    { id, change: { reason: 'month end', idempotencyKey: `key-${id}` } },
    { signal: early.signal },
  );
  setTimeout(() => early.abort(), 300);
  expect(await problemOf(tooSoon)).toMatchObject({ code: 'Canceled' });
  expect(timesStopped(id)).toBe(1);
  await idempotency.updateOne(own, { $set: { begunAt: new Date(Date.now() - 121_000) } });
  await stopBot(id, `key-${id}`);
  expect(timesStopped(id)).toBe(2);
});

it('the repeated answer to the making of a token has no secret, nor has what is stored', async () => {
  const tokens = clientOf(api, InstallationService, admin);
  const request = {
    name: `once-${randomUUID()}`,
    role: Role.VIEWER,
    change: { reason: 'x', idempotencyKey: randomUUID() },
  };
  const first = await tokens.createToken(request);
  const second = await tokens.createToken(request);
  expect(first.text).toMatch(/^the0_/);
  expect(second).toMatchObject({ text: '', token: { id: first.token?.id } });
  const { idempotency, audit, apiTokens } = api.connections.collections;
  for (const collection of [idempotency, audit, apiTokens]) {
    const kept = (await collection.find({} as never).toArray()) as unknown[];
    expect(JSON.stringify(kept.map(readable))).not.toContain(first.text.slice(-43));
  }
});

it('a dry run is no change: nothing is on record, and no reason is asked for', async () => {
  const schedule = randomUUID();
  const span = { from: { seconds: 0n }, to: { seconds: 60n } };
  await clientOf(api, RunService, operator).backfill({ schedule, ...span, dryRun: true });
  expect(await auditOf(schedule)).toEqual([]);
  const real = clientOf(api, RunService, operator).backfill({ schedule, ...span });
  expect(await problemOf(real)).toMatchObject({ code: 'InvalidArgument' });
});

it('while MongoDB is away nothing is changed, and what needs it says so; what does not is answered', async () => {
  await using proxy = await FaultProxy.start(Number(new URL(servers.mongoUri).port));
  const asked: string[] = [];
  await using cut = await startTestApi({
    environment: {
      ...servers.environment,
      MONGO_URI: `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`,
    },
    services: {
      ...services,
      queues: {
        listQueues: () => {
          asked.push('queues');
          return {};
        },
      },
    },
  });
  const id = randomUUID();
  const bots = clientOf(cut, BotService, operator);
  await clientOf(cut, InstallationService, operator).whoAmI({});
  proxy.cut();
  const call = () => bots.stopBot({ id, change: { reason: 'x', idempotencyKey: id } });
  expect(await problemOf(call())).toMatchObject({
    code: 'Unavailable',
    problem: 'mongodb_unavailable',
    dependency: 'mongodb',
  });
  expect(timesStopped(id)).toBe(0);
  // Its token was right a moment ago, and nobody can have revoked it since.
  const answer = await callJson(cut, 'QueueService/ListQueues', {}, bearer(operator));
  expect(answer.status).toBe(200);
  expect(asked).toEqual(['queues']);
  const { stats } = await clientOf(cut, InstallationService, operator).getStats({});
  expect(stats?.servers.map(({ name, reachable }) => [name, reachable])).toEqual([
    ['mongodb', false],
    ['redis', true],
    ['nats', true],
    ['s3', true],
  ]);
  // A token that nobody has seen here cannot be judged now.
  const stranger = await api.token('operator');
  expect(await callJson(cut, 'InstallationService/WhoAmI', {}, bearer(stranger))).toMatchObject({
    status: 503,
  });
  proxy.heal();
  await until(
    () =>
      call().then(
        () => true,
        () => false,
      ),
    { timeoutMs: 20_000 },
  );
  expect(timesStopped(id)).toBe(1);
});

/** Bytes as the text that might be in them. */
const readable = (document: unknown): unknown => {
  const { response } = document as { response?: { buffer: Uint8Array } };
  return response === undefined ? document : { text: Buffer.from(response.buffer).toString('latin1') };
};

import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BotPhase } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { SchedulePhase } from '../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { InstallationService } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import type { Run } from '../../model/runs.ts';
import { clientOf, startTestApi, type TestApi } from '../support/api.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
let api: TestApi;
let viewer: string;

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

const run = (id: string, state: Run['state'], nominal: Date): Run =>
  ({ _id: id, scheduleId: 's', state, nominal, endedAt: nominal }) as unknown as Run;

const stats = async () => {
  const { stats: found } = await clientOf(api, InstallationService, viewer).getStats({});
  if (found === undefined) throw new Error('There are no statistics');
  return found;
};

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment });
  viewer = await api.token('viewer');
  const { bots, status, schedules, scheduleStatus, runs, poison, processes, leases } =
    api.connections.collections;
  const botOf = (id: string, enabled = true) => ({ id, enabled, config: { secret: 'hunter2' } });
  await bots.insertMany([botOf('runs'), botOf('crashes'), botOf('new'), botOf('off', false)] as never[]);
  await status.insertMany([
    { _id: 'runs', phase: 'running' },
    { _id: 'crashes', phase: 'backing-off' },
    // Of bots whose documents are gone: one is still being stopped, the other is history.
    { _id: 'leaving', phase: 'stopping' },
    { _id: 'gone', phase: 'stopped' },
  ] as never[]);
  await schedules.insertMany([{ id: 'ticks' }, { id: 'unseen' }] as never[]);
  await scheduleStatus.insertMany([
    { _id: 'ticks', phase: 'active' },
    { _id: 'leaving-schedule', phase: 'gone' },
  ] as never[]);
  await runs.insertMany([
    run('a', 'succeeded', minutesAgo(5)),
    run('b', 'succeeded', minutesAgo(50)),
    run('c', 'failed', minutesAgo(30)),
    run('d', 'failed', minutesAgo(70)),
  ]);
  await poison.insertOne({
    _id: new ObjectId(),
    subject: 'x',
    reason: 'y',
    payload: '',
    payloadBytes: 0,
    at: new Date(),
  });
  const process = { version: '1', host: 'h', startedAt: new Date(), problems: [] };
  await processes.insertMany([
    { ...process, _id: 'processor@h:1:a', service: 'processor', seenAt: new Date(), engine: true },
    { ...process, _id: 'processor@h:2:b', service: 'processor', seenAt: minutesAgo(2), engine: true },
  ]);
  await leases.insertMany([
    { _id: 'planner', owner: 'processor@h:1:a/1234', until: new Date(Date.now() + 60_000), term: 1 },
    { _id: 'lapsed', owner: 'processor@h:1:a/1234', until: minutesAgo(1), term: 1 },
  ]);
});

afterAll(() => api.stop());

it('the installation is counted: bots and schedules by phase, runs of the last hour, what nobody understood', async () => {
  const found = await stats();
  expect(Object.fromEntries(found.bots.map(({ phase, count }) => [BotPhase[phase], count]))).toEqual({
    RUNNING: 1,
    BACKING_OFF: 1,
    PENDING: 1,
    STOPPED: 1,
    STOPPING: 1,
  });
  expect(
    Object.fromEntries(found.schedules.map(({ phase, count }) => [SchedulePhase[phase], count])),
  ).toEqual({
    ACTIVE: 1,
    GONE: 1,
    PENDING: 1,
  });
  expect(Object.fromEntries(found.runsLastHour.map(({ name, count }) => [name, Number(count)]))).toEqual({
    succeeded: 2,
    failed: 1,
  });
  expect(found.poisonEvents).toBe(1n);
});

it('processes that live are listed with what they do alone; one that fell silent is not', async () => {
  const { processes } = await until(async () => {
    const found = await stats();
    return found.processes.length === 2 ? found : undefined;
  });
  expect(processes.map(({ owner, leases }) => [owner.replace(/^test-.*/, 'this one'), leases])).toEqual([
    ['processor@h:1:a', ['planner']],
    ['this one', []],
  ]);
});

it('the engine is told as those see it who hold its socket', async () => {
  const engine = async () => (await stats()).servers.find(({ name }) => name === 'engine');
  expect(await engine()).toMatchObject({ reachable: true, problem: '' });
  const { processes } = api.connections.collections;
  await processes.updateOne({ _id: 'processor@h:1:a' }, { $set: { problems: ['engine: no such socket'] } });
  await until(async () => (await engine())?.reachable === false);
  expect(await engine()).toMatchObject({ problem: 'no such socket' });
  await processes.deleteOne({ _id: 'processor@h:1:a' });
  await until(async () => (await engine())?.problem === 'no process that holds its socket is alive');
});

it('what waits is counted with the age of the oldest, alarms of tomorrow are not', async () => {
  const { schedules, bots } = await api.connections.queues();
  await bots.add([{ queue: 'start', job: { botId: 'x', cause: 'test' }, urgency: 'wish' }]);
  await schedules.byName['scheduled-run'].add('later', { runId: 'r', cause: 'test' }, { delay: 86_400_000 });
  const found = await until(async () => {
    const seen = await stats();
    return seen.jobsWaiting > 0n ? seen : undefined;
  });
  expect(found.jobsWaiting).toBe(1n);
  expect(Number(found.oldestWaiting?.seconds ?? 0n)).toBeLessThan(30);
});

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nominalsBetween } from '../../model/cron/timing.ts';
import { timingOf } from '../../model/cron/parse.ts';
import { runIdOf } from '../../model/runs.ts';
import { until } from '../support/poll.ts';
import { testServers, type TestServers } from '../support/servers.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';
import { ticksWorld, type TicksWorld } from './ticks-world.ts';

const HOUR_MS = 3_600_000;
const EVERY_SECOND = '* * * * * *';
const IDS = Array.from({ length: 20 }, (_, index) => `s${index}`);

let mongo: OwnServer;
let servers: TestServers;
let world: TicksWorld;
let startedAt: Date;
let sweeper: AbortController;
const children: ChildProcess[] = [];

beforeEach(async () => {
  mongo = await ownMongo();
  servers = testServers();
  world = await ticksWorld(servers, mongo.url);
  startedAt = new Date();
  await world.addMany(IDS, {
    timing: EVERY_SECOND,
    // Each run is over before the next tick, as far as ticks can tell.
    config: { overlap: { policy: 'allow', max: 10 }, misfire: 'fire-all' },
    handledThrough: startedAt,
  });
  for (const id of IDS) await world.queues.setAlarm(id, `CRON_TZ=UTC ${EVERY_SECOND}`);
  sweeper = new AbortController();
  void sweepOverdue(sweeper.signal);
});
afterEach(async () => {
  sweeper.abort();
  for (const child of children.splice(0)) await kill(child, 'SIGKILL');
  await world[Symbol.asyncDispose]();
  await mongo.dispose();
});

async function startHandler(shiftMs = 0): Promise<ChildProcess> {
  const child = fork(new URL('ticks-handler.ts', import.meta.url).pathname, {
    env: {
      ...process.env,
      ...servers.environment,
      MONGO_URI: mongo.url,
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      SHIFT_MS: String(shiftMs),
    },
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

async function kill(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** What the planner does besides: alarms that do not ring in time are made up for. */
async function sweepOverdue(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(300);
    const overdue = await world.collections.scheduleStatus
      .findOne({ nextAt: { $lt: new Date(Date.now() - 500) } })
      .catch(() => null);
    if (overdue !== null) await world.queues.addTick(overdue._id, 'overdue').catch(() => undefined);
  }
}

/** Every nominal time since the start has one record, made no sooner than it was due; none is left behind. */
async function expectLedger(): Promise<void> {
  const untilMs = Date.now();
  await until(
    async () =>
      (await world.collections.scheduleStatus.countDocuments({
        handledThrough: { $lt: new Date(untilMs - 1_000) },
      })) === 0,
    { timeoutMs: 15_000, what: 'handling everything up to now' },
  );
  for (const child of children.splice(0)) await kill(child, 'SIGTERM');
  const timing = timingOf(`CRON_TZ=UTC ${EVERY_SECOND}`);
  const runs = await world.collections.runs.find().toArray();
  const statuses = await world.collections.scheduleStatus.find().toArray();
  for (const { _id, handledThrough, line } of statuses) {
    const own = runs.filter(({ scheduleId }) => scheduleId === _id);
    const due = nominalsBetween(timing, startedAt.getTime(), handledThrough?.getTime() ?? 0, 1_000);
    expect(own.map((run) => run._id).sort()).toEqual(due.map((ms) => runIdOf(_id, new Date(ms))));
    expect(line).toEqual(
      own
        .filter(({ open }) => open === true)
        .sort((a, b) => +a.nominal - +b.nominal)
        .map((run) => run._id),
    );
  }
  expect(runs.filter(({ nominal, createdAt }) => createdAt < nominal)).toEqual([]);
  const open = runs.filter((run) => run.open === true).map(({ _id }) => _id);
  expect(await world.queued()).toEqual(open.sort());
}

describe('no tick is lost, doubled or early', () => {
  it.each([
    ['while the clocks are right', 0],
    ['while the handler’s Date is a little ahead, so that alarms ring too early', 400],
  ])('%s, and ticks are in time', async (_title, shiftMs) => {
    await startHandler(shiftMs);
    // What came up while its process was being started could not be in time.
    const readyAt = new Date();
    await sleep(3_500);
    await expectLedger();
    const lateMs = (await world.collections.runs.find({ nominal: { $gt: readyAt } }).toArray()).map(
      ({ nominal, createdAt }) => createdAt.getTime() - nominal.getTime(),
    );
    lateMs.sort((a, b) => a - b);
    // Alarms do it; nobody had to look for what is overdue. Test machines are busy, so some may be late.
    expect(lateMs[Math.floor(lateMs.length / 2)]).toBeLessThan(400);
  });

  it.each([HOUR_MS, -HOUR_MS])('while the handler’s Date is wrong by %d ms', async (shiftMs) => {
    await startHandler(shiftMs);
    await sleep(3_500);
    await expectLedger();
  });

  it('while the Dates of handlers jump an hour ahead, and an hour back', async () => {
    const [first, second] = await Promise.all([startHandler(), startHandler()]);
    for (const [mine, other] of [
      [HOUR_MS, 0],
      [-HOUR_MS, HOUR_MS],
      [0, -HOUR_MS],
    ]) {
      first.send(mine ?? 0);
      second.send(other ?? 0);
      await sleep(2_500);
    }
    await expectLedger();
  });

  it('while handlers are killed', async () => {
    for (let round = 0; round < 4; round += 1) {
      await startHandler();
      if (children.length < 2) await startHandler();
      await sleep(700 + round * 150);
      const victim = children.shift();
      if (victim !== undefined) await kill(victim, 'SIGKILL');
    }
    await startHandler();
    // Whatever the killed had claimed lapses; runs that they recorded and did not queue are the planner's to queue.
    const untilMs = Date.now();
    await until(
      async () =>
        (await world.collections.scheduleStatus.countDocuments({
          handledThrough: { $lt: new Date(untilMs) },
        })) === 0,
      { timeoutMs: 20_000 },
    );
    const open = await world.collections.runs.find({ open: true }).toArray();
    await world.queues.addRuns(open.map(({ _id, cause }) => ({ runId: _id, cause, urgency: 'resync' })));
    await expectLedger();
  });

  it('while MongoDB is paused', async () => {
    await startHandler();
    await sleep(1_200);
    mongo.kill('SIGSTOP');
    await sleep(3_000);
    mongo.kill('SIGCONT');
    await sleep(1_200);
    await expectLedger();
  });
});

import { alarmTime } from '../../queues/alarm-time.ts';
import { DelayedError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectRedis } from '../../infra/redis.ts';
import { timingOf } from '../../model/cron/parse.ts';
import { QueueMetrics } from '../../queues/metrics.ts';
import { queuePrefix } from '../../queues/queues.ts';
import { repeatSettings, ScheduleQueues } from '../../queues/schedule-queues.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const ignore = (): void => undefined;
const YEARLY = 'CRON_TZ=UTC 0 0 1 1 *';
const MONTHLY = 'CRON_TZ=UTC 0 0 1 * *';
const EVERY_SECOND = 'CRON_TZ=UTC * * * * * *';
let redis: Redis;
let queues: ScheduleQueues;
const workers: Worker[] = [];

beforeAll(async () => {
  redis = connectRedis(servers.redisUrl, { role: 'producer', onError: ignore });
  await until(() => redis.status === 'ready');
  queues = new ScheduleQueues({ connection: redis, installation: servers.installation, onError: ignore });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  for (const id of (await queues.alarms()).keys()) await queues.removeAlarm(id);
  for (const queue of Object.values(queues.byName)) await queue.obliterate({ force: true });
});
afterAll(async () => {
  await queues.close();
  redis.disconnect();
});

function work(
  queue: 'schedule-tick' | 'scheduled-run',
  handle: (data: { scheduleId: string; runId: string; cause: string }, job: Job) => Promise<void>,
  concurrency = 1,
): Worker {
  const worker = new Worker(queue, async (job) => handle(job.data as never, job), {
    connection: connectRedis(servers.redisUrl, { role: 'worker', onError: ignore }),
    prefix: queuePrefix(servers.installation),
    settings: repeatSettings(),
    concurrency,
  });
  worker.on('error', ignore);
  workers.push(worker);
  return worker;
}

describe('alarms', () => {
  it('ring at every nominal time of their timing, one job at a time, and leave nothing behind', async () => {
    const scheduleId = newBotId();
    const rang: { forMs: number; lateMs: number }[] = [];
    const worker = work('schedule-tick', async (data, job) => {
      expect(data).toEqual({ scheduleId, cause: 'alarm' });
      const forMs = Number(job.id?.split(':').at(-1));
      rang.push({ forMs, lateMs: Date.now() - forMs });
    });
    await worker.waitUntilReady();
    expect(await queues.setAlarm(scheduleId, EVERY_SECOND)).toBe(true);
    await until(() => rang.length >= 3);
    // They ring a moment ahead of the second that they are for.
    expect(rang.map(({ forMs }) => (forMs + 25) % 1000)).toEqual(rang.map(() => 0));
    const late = rang.map(({ lateMs }) => lateMs);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    // Not each of them: a machine that is busy with other things for a moment delays the one of that moment.
    expect(Math.min(...late)).toBeLessThan(300);
    await queues.removeAlarm(scheduleId);
    expect(await queues.ticks.getJobCounts('completed', 'delayed', 'waiting', 'failed')).toEqual({
      completed: 0,
      delayed: 0,
      waiting: 0,
      failed: 0,
    });
  });

  it('are replaced, listed with their next time, and removed', async () => {
    const [a, b] = [newBotId(), newBotId()];
    await queues.setAlarm(a, YEARLY);
    await queues.setAlarm(b, YEARLY);
    await queues.setAlarm(a, MONTHLY);
    const next = (timing: string) => alarmTime(timingOf(timing), Date.now());
    expect(await queues.alarms()).toEqual(
      new Map([
        [a, next(MONTHLY)],
        [b, next(YEARLY)],
      ]),
    );
    expect(await queues.ticks.getJobCounts('delayed')).toEqual({ delayed: 2 });
    await queues.removeAlarm(a);
    await queues.removeAlarm(a);
    expect([...(await queues.alarms()).keys()]).toEqual([b]);
    expect(await queues.ticks.getJobCounts('delayed')).toEqual({ delayed: 1 });
  });

  it('are set although a job of the same moment is left over', async () => {
    const scheduleId = newBotId();
    await queues.setAlarm(scheduleId, YEARLY);
    const at = (await queues.alarms()).get(scheduleId) ?? 0;
    // As a removal leaves it while the job waits, and no longer is delayed.
    await redis.zrem(queues.ticks.toKey('repeat'), scheduleId);
    expect(await queues.alarmJobsExist([{ scheduleId, at }])).toEqual([true]);
    expect(await queues.setAlarm(scheduleId, YEARLY)).toBe(true);
    expect((await queues.alarms()).get(scheduleId)).toBe(at);
    expect(await queues.ticks.getJobCounts('delayed')).toEqual({ delayed: 1 });
  });

  it('whose job is gone can be told from those that are well', async () => {
    const [a, b] = [newBotId(), newBotId()];
    await queues.setAlarm(a, YEARLY);
    await queues.setAlarm(b, YEARLY);
    const at = (await queues.alarms()).get(a) ?? 0;
    await redis.del(queues.ticks.toKey(`repeat:${a}:${at}`));
    const alarms = [
      { scheduleId: a, at },
      { scheduleId: b, at },
    ];
    expect(await queues.alarmJobsExist(alarms)).toEqual([false, true]);
  });

  it('of ten thousand schedules are set and listed within seconds', { timeout: 60_000 }, async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `many-${index}`);
    const beganAt = performance.now();
    for (let at = 0; at < ids.length; at += 200)
      await Promise.all(ids.slice(at, at + 200).map((id) => queues.setAlarm(id, YEARLY)));
    const setMs = performance.now() - beganAt;
    const alarms = await queues.alarms();
    expect(alarms.size).toBe(10_000);
    expect(setMs).toBeLessThan(20_000);
    await redis.del(queues.ticks.toKey('repeat'));
  });
});

describe('a call for a tick', () => {
  it('waits only once, whichever schedule it names, since a handler handles all that is due', async () => {
    const [a, b] = [newBotId(), newBotId()];
    await queues.addTick(a, 'overdue');
    await queues.addTick(a, 'overdue');
    await queues.addTick(b, 'overdue');
    expect(await queues.ticks.getJobCounts('waiting')).toEqual({ waiting: 1 });
    await expect(queues.addTick('', 'nobody')).rejects.toThrow(/scheduleId/);
  });
});

describe('a call for a tick that is delayed', () => {
  it('does not swallow the next one', async () => {
    const calls = async () =>
      (await queues.ticks.getJobs(['waiting', 'delayed'])).map(({ data: { cause } }) => cause);
    await queues.addTick(newBotId(), 'stranded');
    const connection = connectRedis(servers.redisUrl, { role: 'worker', onError: ignore });
    const worker = new Worker(
      'schedule-tick',
      async (job, token) => {
        await job.moveToDelayed(Date.now() + 3_600_000, token);
        throw new DelayedError();
      },
      { connection, prefix: queuePrefix(servers.installation), settings: repeatSettings() },
    );
    worker.on('error', ignore);
    await until(async () => (await queues.ticks.getDelayedCount()) === 1);
    await worker.close();
    connection.disconnect();
    await queues.addTick(newBotId(), 'overdue again');
    expect(await calls()).toEqual(['overdue again']);
  });
});

describe('runs', () => {
  const jobs = () => queues.runs.getJobCounts('prioritized', 'delayed', 'active', 'completed');

  it('have one job each', async () => {
    await queues.addRuns([{ runId: 'a@1', cause: 'tick' }]);
    await queues.addRuns([{ runId: 'a@1', cause: 'again' }]);
    expect(await jobs()).toMatchObject({ prioritized: 1, delayed: 0 });
    expect(await queues.runsWithJobs(['a@1', 'c@1'])).toEqual(new Map([['a@1', { rank: 0 }]]));
  });

  it('that are delayed: the periodic look leaves them alone, what just happened takes their place', async () => {
    await queues.addRuns([{ runId: 'b@1', cause: 'jitter', delayMs: 60_000 }]);
    await queues.addRuns([{ runId: 'b@1', cause: 'look', urgency: 'resync' }]);
    expect(await jobs()).toMatchObject({ prioritized: 0, delayed: 1 });
    const [job] = await queues.runs.getJobs(['delayed']);
    const delayedUntilMs = (job?.timestamp ?? 0) + 60_000;
    expect(await queues.runsWithJobs(['b@1'])).toEqual(new Map([['b@1', { delayedUntilMs, rank: 0 }]]));
    await queues.addRuns([{ runId: 'b@1', cause: 'cancelled' }]);
    expect(await jobs()).toMatchObject({ prioritized: 1, delayed: 0 });
    expect(await queues.runsWithJobs(['b@1'])).toEqual(new Map([['b@1', { rank: 0 }]]));
  });

  it.each([
    ['what happens meanwhile has it looked at again', 'event' as const, ['first', 'second']],
    ['the periodic look leaves it alone', 'resync' as const, ['first']],
  ])('that are active: %s', async (_what, urgency, expected) => {
    const handled: string[] = [];
    const gate = Promise.withResolvers<void>();
    work('scheduled-run', async ({ cause }) => {
      handled.push(cause);
      if (cause === 'first') await gate.promise;
    });
    await queues.addRuns([{ runId: 'a@1', cause: 'first' }]);
    await until(() => handled.length === 1);
    await queues.addRuns([{ runId: 'a@1', cause: 'second', urgency }]);
    expect(await queues.runsWithJobs(['a@1'])).toEqual(new Map([['a@1', { rank: 0 }]]));
    gate.resolve();
    await until(async () => (await jobs())['completed'] === expected.length);
    expect(handled).toEqual(expected);
    expect(await queues.runsWithJobs(['a@1'])).toEqual(new Map());
  });

  it('that just ended can be queued again', async () => {
    const handled: string[] = [];
    work('scheduled-run', async ({ cause }) => {
      handled.push(cause);
    });
    await queues.addRuns([{ runId: 'a@1', cause: 'first', urgency: 'resync' }]);
    await until(async () => (await jobs())['completed'] === 1);
    await queues.addRuns([{ runId: 'a@1', cause: 'second', urgency: 'resync' }]);
    await until(async () => (await jobs())['completed'] === 2);
    expect(handled).toEqual(['first', 'second']);
  });

  it('whose job was lost have none', async () => {
    await queues.addRuns([{ runId: 'a@1', cause: 'first' }]);
    const [job] = await queues.runs.getJobs(['prioritized']);
    await redis.del(queues.runs.toKey(job?.id ?? ''));
    expect(await queues.runsWithJobs(['a@1'])).toEqual(new Map());
    await queues.addRuns([{ runId: 'a@1', cause: 'second', urgency: 'resync' }]);
    expect(await queues.runsWithJobs(['a@1'])).toEqual(new Map([['a@1', { rank: 0 }]]));
  });

  it('that has come to the head of its line goes after those that waited before it, and before all that came since', async () => {
    await queues.setRunsAtOnce(1);
    await queues.addRuns([
      { runId: 'a@2', cause: 'a, second', rank: 1 },
      { runId: 'b@1', cause: 'b, waited before', rank: 0 },
    ]);
    // Its predecessor has ended; then others come, one after the other.
    await queues.addRuns([{ runId: 'a@2', cause: 'a, its turn', rank: 0 }]);
    await queues.addRuns([3, 4, 5].map((n) => ({ runId: `c@${n}`, cause: `c${n}, came since`, rank: 0 })));
    // What is said again of a run that has fallen back does not put it behind.
    await queues.addRuns([{ runId: 'a@2', cause: 'a, again', rank: 9, urgency: 'resync' as const }]);
    expect(await queues.runsWithJobs(['a@2'])).toEqual(new Map([['a@2', { rank: 0 }]]));
    const handled: string[] = [];
    work('scheduled-run', async ({ runId }) => void handled.push(runId), 1);
    await until(() => handled.length === 5);
    expect(handled).toEqual(['b@1', 'a@2', 'c@3', 'c@4', 'c@5']);
  });

  it('of schedules with few in line go first, and no more at once than the installation allows', async () => {
    await queues.setRunsAtOnce(1);
    await queues.addRuns([
      { runId: 'a@1', cause: 'a, third', rank: 2 },
      { runId: 'a@2', cause: 'a, fourth', rank: 5_000 },
      { runId: 'b@1', cause: 'b, first', rank: 0 },
      { runId: 'c@1', cause: 'c, at work', rank: 7, isAtWork: true },
    ]);
    const handled: string[] = [];
    let active = 0;
    let most = 0;
    work(
      'scheduled-run',
      async ({ cause }) => {
        active += 1;
        most = Math.max(most, active);
        handled.push(cause);
        await new Promise((resolve) => setTimeout(resolve, 30));
        active -= 1;
      },
      3,
    );
    await until(() => handled.length === 4 && active === 0);
    expect(handled).toEqual(['c, at work', 'b, first', 'a, third', 'a, fourth']);
    expect(most).toBe(1);
  });
});

describe('the age of delayed jobs', () => {
  it('is counted from the moment at which the first of them was to be taken', async () => {
    let atMs = Date.now();
    const registry = new Registry();
    new QueueMetrics({ registry, queues: queues.byName, now: () => atMs, cacheMs: 0, timeoutMs: 20_000 });
    const age = async (queue: string): Promise<number> => {
      const text = await registry.metrics();
      const line = new RegExp(`oldest_age_seconds\\{queue="${queue}",state="delayed"\\} (\\S+)`);
      return Number(line.exec(text)?.[1]);
    };
    expect(await age('schedule-tick')).toBe(0);
    await queues.setAlarm(newBotId(), YEARLY);
    await queues.addRuns([{ runId: 'a@1', cause: 'jitter', delayMs: 60_000 }]);
    const addedMs = (await queues.runs.getJobs(['delayed']))[0]?.timestamp ?? NaN;
    atMs = addedMs + 59_000;
    expect(await age('schedule-tick')).toBe(0);
    expect(await age('scheduled-run')).toBe(0);
    atMs = addedMs + 90_000;
    expect(await age('schedule-tick')).toBe(0);
    expect(await age('scheduled-run')).toBeGreaterThan(29);
    expect(await age('scheduled-run')).toBeLessThanOrEqual(30);
  });
});

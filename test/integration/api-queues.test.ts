import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobState, QueueService } from '../../proto/gen/the0/runtime/v1/queues_pb.js';
import type { ApiQueues } from '../../cli/api/connections.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { takeAndDie, workOn } from '../support/queue-work.ts';
import { testServers } from '../support/servers.ts';

/** Queues and jobs through the API; what takes jobs is a worker of the test's own. */
const servers = testServers();
let api: InProcessApi;
let open: ApiQueues;
let redis: FaultProxy;
const client = (who?: string) => api.client(QueueService, who);
const change = { reason: 'test' };

beforeAll(async () => {
  redis = await FaultProxy.start(Number(new URL(servers.redisUrl).port));
  api = await startInProcessApi({ ...servers.environment, REDIS_URL: `redis://127.0.0.1:${redis.port}` });
  open = await until(() => api.connections.queues().catch(() => undefined));
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const queue of [open.bots.byName.start, open.schedules.runs, open.data.byName['log-flush']])
    await queue.obliterate({ force: true });
});

const startJobs = (ids: readonly string[], delayMs?: number): Promise<void> =>
  open.bots.add(
    ids.map((botId) => ({
      queue: 'start' as const,
      job: { botId, cause: 'test' },
      urgency: 'wish' as const,
      ...(delayMs === undefined ? {} : { delayMs }),
    })),
  );

async function failed(ids: readonly string[], reason = 'It broke'): Promise<void> {
  await open.bots.byName.start.addBulk(
    ids.map((botId) => ({ name: 'start', data: { botId, cause: 'test' }, opts: { attempts: 1 } })),
  );
  await using _worker = workOn(servers, 'start', () => Promise.reject(new Error(reason)));
  await until(async () => (await open.bots.byName.start.getFailedCount()) === ids.length);
}

async function pages(
  queue: string,
  state: JobState,
  size: number,
  between: () => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const subjects: string[] = [];
  for (let token = '', first = true; first || token !== ''; first = false) {
    const { jobs, nextToken } = await client().listJobs({ queue, state, page: { size, token } });
    expect(jobs.length).toBeLessThanOrEqual(size);
    subjects.push(...jobs.map(({ subject }) => subject));
    token = nextToken;
    if (first) await between();
  }
  return subjects;
}

const named = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_each, at) => `bot-${from + at}`);

describe('the queues', () => {
  it('are all there, with what waits, how long the oldest has, and who works', async () => {
    const { queues: quiet } = await client().listQueues({});
    expect(quiet.map(({ name }) => name)).toEqual([
      'start',
      'stop',
      'restart',
      'schedule-tick',
      'scheduled-run',
      'log-flush',
      'state-sync',
      'query',
      'engine-sweep',
    ]);
    await startJobs(named(0, 3));
    await startJobs(['later'], 60_000);
    await open.schedules.addRuns([{ runId: 's@1', cause: 'tick', rank: 2 }]);
    await until(async () => {
      const { queues } = await client().listQueues({});
      const of = (name: string) => queues.find((queue) => queue.name === name);
      const [start, runs] = [of('start'), of('scheduled-run')];
      expect(start).toMatchObject({ waiting: 3n, delayed: 1n, active: 0n, workers: 0 });
      expect(runs).toMatchObject({ waiting: 1n });
      expect(of('stop')?.oldestWaiting).toBeUndefined();
      return Number(runs?.oldestWaiting?.nanos) > 0 && Number(start?.oldestWaiting?.nanos) > 0;
    });
    await using _worker = workOn(servers, 'start', () => new Promise(() => undefined));
    await until(async () => {
      const start = (await client().listQueues({})).queues[0];
      return start?.active === 3n && start.workers === 1;
    });
  });

  it('tell which of them an operator has paused, and what waits there all the same', async () => {
    const { start } = open.bots.byName;
    const paused = async () => (await client().listQueues({})).queues.filter((queue) => queue.paused);
    expect(await paused()).toEqual([]);
    await start.pause();
    try {
      await startJobs(named(0, 2));
      expect(await paused()).toMatchObject([{ name: 'start', waiting: 2n }]);
    } finally {
      await start.resume();
    }
    expect(await paused()).toEqual([]);
  });
});

describe('a list of jobs', () => {
  it('that wait is in the order in which they are taken, those with a priority last', async () => {
    await open.schedules.addRuns([
      { runId: 's@3', cause: 'tick', rank: 3 },
      { runId: 's@1', cause: 'tick', rank: 1 },
      { runId: 's@2', cause: 'tick', rank: 1 },
      { runId: 's@a', cause: 'tick', isAtWork: true },
      { runId: 's@b', cause: 'tick', isAtWork: true },
    ]);
    for (const size of [1, 2, 3, 100])
      expect(await pages('scheduled-run', JobState.WAITING, size)).toEqual([
        's@a',
        's@b',
        's@1',
        's@2',
        's@3',
      ]);
  });

  it('that wait leaves none out while jobs come and are taken between its pages', async () => {
    await startJobs(named(0, 12));
    const subjects = await pages('start', JobState.WAITING, 4, async () => {
      await startJobs(named(12, 15));
      // The first five are taken, the one that the page ended with among them.
      await takeAndDie(servers, 'start', 5);
    });
    expect(subjects).toEqual(named(0, 15).filter((subject) => subject !== 'bot-4'));
  });

  it('that are delayed is the soonest first, with its time', async () => {
    const order = [5, 1, 4, 2, 3];
    for (const minutes of order) await startJobs([`bot-${minutes}`], minutes * 60_000);
    expect(await pages('start', JobState.DELAYED, 2)).toEqual(named(1, 6));
    const { jobs } = await client().listJobs({ queue: 'start', state: JobState.DELAYED });
    const due = Number(jobs[0]?.dueAt?.seconds) * 1000;
    expect(Math.abs(due - Date.now() - 60_000)).toBeLessThan(30_000);
  });

  it('that failed is the newest first, whole although many failed at once, and bounds what it shows', async () => {
    await failed(named(0, 40), `It broke: ${'x'.repeat(5_000)}`);
    const whole = await pages('start', JobState.FAILED, 1000);
    expect(new Set(whole)).toEqual(new Set(named(0, 40)));
    for (const size of [1, 7]) expect(await pages('start', JobState.FAILED, size)).toEqual(whole);
    const { jobs } = await client().listJobs({ queue: 'start', state: JobState.FAILED });
    expect(jobs[0]).toMatchObject({ attempts: 1, cause: 'test', queue: 'start', state: JobState.FAILED });
    expect(jobs[0]?.failedReason).toHaveLength(1_000);
    const ends = jobs.map(({ endedAt }) => Number(endedAt?.seconds) * 1000 + Number(endedAt?.nanos) / 1e6);
    expect(ends).toEqual(ends.toSorted((one, other) => other - one));
  });

  it('that are at work is the longest first, and shows nothing of their data but who and why', async () => {
    await open.bots.byName.start.add('start', {
      botId: 'bot-0',
      cause: 'test',
      apiKey: 'canary-12',
    } as never);
    await startJobs(named(1, 6));
    await using _worker = workOn(servers, 'start', () => new Promise(() => undefined));
    await until(async () => (await open.bots.byName.start.getActiveCount()) === 6);
    const subjects = await pages('start', JobState.ACTIVE, 2);
    expect(subjects.toSorted()).toEqual(named(0, 6));
    const { jobs } = await client().listJobs({ queue: 'start', state: JobState.ACTIVE });
    expect(
      Object.values(jobs[0] ?? {})
        .map(String)
        .join(),
    ).not.toContain('canary-12');
  });

  it('of another queue or state does not take its page token', async () => {
    await startJobs(named(0, 3));
    const { nextToken: token } = await client().listJobs({
      queue: 'start',
      state: JobState.WAITING,
      page: { size: 1 },
    });
    for (const [queue, state] of [
      ['stop', JobState.WAITING],
      ['start', JobState.FAILED],
    ] as const)
      expect(await refusalOf(client().listJobs({ queue, state, page: { token } }))).toMatchObject({
        status: 'InvalidArgument',
        field: 'page.token',
      });
  });
});

describe('a job', () => {
  const only = async (state: JobState): Promise<string> => {
    const { jobs } = await client().listJobs({ queue: 'start', state });
    return jobs[0]?.id ?? '';
  };

  it('that failed is tried again, once, of two operators at once', async () => {
    await failed(['bot-0']);
    const id = await only(JobState.FAILED);
    const answers = await Promise.allSettled([
      client('ann').retryJob({ queue: 'start', id, change }),
      client('bob').retryJob({ queue: 'start', id, change }),
    ]);
    const done = answers.filter(({ status }) => status === 'fulfilled');
    expect(done).toMatchObject([{ value: { job: { id, subject: 'bot-0', state: JobState.WAITING } } }]);
    expect(await refusalOf(client().retryJob({ queue: 'start', id, change }))).toMatchObject({
      status: 'FailedPrecondition',
      code: 'job_not_failed',
      message: expect.stringContaining('is waiting') as string,
    });
    const handled: string[] = [];
    await using _worker = workOn(servers, 'start', async (botId) => void handled.push(botId));
    await until(() => handled.length > 0);
    expect(handled).toEqual(['bot-0']);
  });

  it('that waits, is delayed or failed is removed; one at work is not', async () => {
    await failed(['bot-0']);
    await client().removeJob({ queue: 'start', id: await only(JobState.FAILED), change });
    await startJobs(['bot-1']);
    await client().removeJob({ queue: 'start', id: await only(JobState.WAITING), change });
    await startJobs(['bot-2'], 60_000);
    await client().removeJob({ queue: 'start', id: await only(JobState.DELAYED), change });
    expect(await open.bots.byName.start.getJobCountByTypes()).toBe(0);

    await startJobs(['bot-3']);
    await using _worker = workOn(servers, 'start', () => new Promise(() => undefined));
    await until(async () => (await open.bots.byName.start.getActiveCount()) === 1);
    const refusal = await refusalOf(
      client().removeJob({ queue: 'start', id: await only(JobState.ACTIVE), change }),
    );
    expect(refusal).toMatchObject({ status: 'FailedPrecondition', code: 'job_active', field: 'id' });
    expect(await open.bots.byName.start.getActiveCount()).toBe(1);
  });

  it('whose processor died is at work still, and is not removed', async () => {
    await startJobs(['bot-0']);
    const [id = ''] = await takeAndDie(servers, 'start', 1);
    await open.redis.del(open.bots.byName.start.toKey(`${id}:lock`));
    const refusal = await refusalOf(client().removeJob({ queue: 'start', id, change }));
    expect(refusal).toMatchObject({ code: 'job_active' });
  });

  it('that is a schedule’s next alarm is not removed', async () => {
    await open.schedules.setAlarm('s-alarm', '0 0 1 1 *');
    const [alarm] = await open.schedules.ticks.getDelayed();
    const ask = client().removeJob({ queue: 'schedule-tick', id: alarm?.id ?? '', change });
    expect(await refusalOf(ask)).toMatchObject({ status: 'FailedPrecondition', code: 'job_is_alarm' });
    await open.schedules.removeAlarm('s-alarm');
  });

  it('or a queue that does not exist is not found', async () => {
    for (const queue of ['starts', '__proto__', 'constructor']) {
      const none = { status: 'NotFound', code: 'queue_not_found', field: 'queue' };
      expect(await refusalOf(client().listJobs({ queue, state: JobState.FAILED }))).toMatchObject(none);
      expect(await refusalOf(client().retryJob({ queue, id: '1', change }))).toMatchObject(none);
    }
    for (const call of [
      () => client().retryJob({ queue: 'start', id: 'none', change }),
      () => client().removeJob({ queue: 'start', id: 'none', change }),
    ])
      expect(await refusalOf(call())).toMatchObject({
        status: 'NotFound',
        code: 'job_not_found',
        field: 'id',
      });
  });
});

it('while Redis is away, or silent, the queues are unavailable and say why; once it is back they answer', async () => {
  const away = { status: 'Unavailable', code: 'redis_unavailable', dependency: 'redis' };
  redis.cut();
  await until(() => open.redis.status !== 'ready');
  expect(await refusalOf(client().listQueues({}))).toMatchObject(away);
  expect(await refusalOf(client().retryJob({ queue: 'start', id: '1', change }))).toMatchObject(away);
  redis.heal();
  await until(() =>
    client()
      .listQueues({})
      .catch(() => undefined),
  );
  redis.silence();
  expect(await refusalOf(client().listQueues({}))).toMatchObject(away);
  redis.heal();
  await until(
    () =>
      client()
        .listQueues({})
        .catch(() => undefined),
    { timeoutMs: 30_000 },
  );
});

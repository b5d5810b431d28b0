import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { connectRedis } from '../../infra/redis.ts';
import { JobWorker, type Handler, type HandlerContext } from '../../processors/job-worker.ts';
import { Standby } from '../../processors/standby.ts';
import { runJobSchema, type RunJob } from '../../queues/names.ts';
import { JOB_OPTIONS } from '../../queues/options.ts';
import { queuePrefix } from '../../queues/queues.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const ignore = (): void => undefined;

let lines: { level: string; msg: string; runId?: string; queue?: string }[];
let outcomes: string[];
let queue: Queue<RunJob>;
let installation: string;
const connections: Redis[] = [];
const workers: JobWorker<RunJob>[] = [];

function connect(role: 'producer' | 'worker'): Redis {
  const connection = connectRedis(testServers().redisUrl, { role, onError: ignore });
  connections.push(connection);
  return connection;
}

beforeEach(async () => {
  lines = [];
  outcomes = [];
  ({ installation } = testServers());
  const connection = connect('producer');
  await until(() => connection.status === 'ready');
  queue = new Queue('scheduled-run', {
    connection,
    prefix: queuePrefix(installation),
    defaultJobOptions: JOB_OPTIONS,
  });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop(1_000)));
  await queue.close();
  for (const connection of connections.splice(0)) connection.disconnect();
});

function work(handle: Handler<RunJob>, standby?: Standby): JobWorker<RunJob> {
  const worker = new JobWorker<RunJob>({
    queue: 'scheduled-run',
    connection: connect('worker'),
    installation,
    concurrency: 4,
    schema: runJobSchema,
    handle,
    ...(standby === undefined ? {} : { standby }),
    log: createLogger({
      level: 'info',
      service: 'test',
      destination: { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) },
    }),
    onOutcome: (_queue, outcome) => outcomes.push(outcome),
    onError: ignore,
  });
  workers.push(worker);
  worker.start();
  return worker;
}

const add = (runId = 'r') => queue.add('scheduled-run', { runId, cause: 'test' });
const stateOf = async (id: string | undefined) => (await queue.getJob(id ?? ''))?.getState();

describe('what a handler leaves', () => {
  it('done is completed, with the reason for people to read', async () => {
    const contexts: HandlerContext<RunJob>[] = [];
    work(async (_job, context) => {
      contexts.push(context);
      return { kind: 'done', outcome: 'succeeded', reason: 'It is well.' };
    });
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'completed');
    expect((await queue.getJob(id ?? ''))?.returnvalue).toBe('It is well.');
    expect(outcomes).toEqual(['succeeded']);
    expect(contexts).toMatchObject([{ data: { runId: 'r', cause: 'test' }, away: undefined }]);
    expect(contexts[0]?.token).toBeTypeOf('string');
  });

  it('failed stays among the failed, and is not tried again', async () => {
    work(async () => ({ kind: 'failed', outcome: 'failed', reason: 'It cannot work.' }));
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'failed');
    expect(await queue.getJob(id ?? '')).toMatchObject({ failedReason: 'It cannot work.', attemptsMade: 1 });
    expect(outcomes).toEqual(['failed']);
  });

  it('for later comes back after that time, and counts only where it says so', async () => {
    const takenAt: number[] = [];
    work(async () => {
      takenAt.push(Date.now());
      if (takenAt.length === 1) return { kind: 'again', afterMs: 300 };
      if (takenAt.length === 2) return { kind: 'again', afterMs: 0, outcome: 'superseded' };
      return { kind: 'done', outcome: 'succeeded', reason: '' };
    });
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'completed');
    const [first = 0, second = 0] = takenAt;
    expect(second - first).toBeGreaterThanOrEqual(295);
    expect(outcomes).toEqual(['superseded', 'succeeded']);
  });

  it('with an error is tried again, with one line for as long as it lasts', async () => {
    let tries = 0;
    work(async () => {
      tries += 1;
      if (tries <= 2) throw new Error('MongoDB is away');
      return { kind: 'done', outcome: 'succeeded', reason: '' };
    });
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'completed');
    expect(outcomes).toEqual(['errored', 'errored', 'succeeded']);
    expect(lines).toMatchObject([
      { level: 'warn', msg: 'What the queue scheduled-run needs is away', runId: 'r' },
      { level: 'info', msg: 'What the queue scheduled-run needs is back' },
    ]);
  });
});

it('a job that makes no sense never reaches the handler', async () => {
  let handled = 0;
  work(async () => {
    handled += 1;
    return { kind: 'done', outcome: 'succeeded', reason: '' };
  });
  const { id } = await queue.add('scheduled-run', { runId: '' } as RunJob);
  await until(async () => (await stateOf(id)) === 'delayed');
  expect(handled).toBe(0);
});

describe('a worker that stops', () => {
  it('asks for the work in hand, and waits for it', async () => {
    let asked = false;
    const worker = work(async (_job, { signal }) => {
      // A worker that closes may take the job once more, which it had asked for before.
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      asked = true;
      return { kind: 'again', afterMs: 0 };
    });
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'active');
    await worker.stop(5_000);
    expect(asked).toBe(true);
    // Delayed it would be as long as this host's clock is ahead of the others'.
    expect(await stateOf(id)).toBe('waiting');
  });

  it('hands its work back for others to take at once, however far its clock is ahead', async () => {
    const worker = work(async (_job, { signal }) => {
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      return { kind: 'again', afterMs: 0 };
    });
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'active');
    const realNow = Date.now;
    const ahead = vi.spyOn(Date, 'now').mockImplementation(() => realNow() + 3_600_000);
    try {
      await worker.stop(5_000);
    } finally {
      ahead.mockRestore();
    }
    work(async () => ({ kind: 'done', outcome: 'succeeded', reason: '' }));
    await until(async () => (await stateOf(id)) === 'completed', { timeoutMs: 5_000 });
  });

  it('takes nothing new 100 ms later, while what is in hand hangs', async () => {
    const handled: string[] = [];
    const worker = work((_job, { data }) => {
      handled.push(data.runId);
      return new Promise(() => undefined);
    });
    const first = await add('in hand');
    await until(async () => (await stateOf(first.id)) === 'active');
    const stopping = worker.stop(2_000);
    await sleep(100);
    const late = await add('late');
    await stopping;
    expect(handled).toEqual(['in hand']);
    expect(await stateOf(late.id)).toBe('waiting');
  });

  it('leaves what does not end in time to another, which takes it over', async () => {
    const worker = work(() => new Promise(() => undefined));
    const { id } = await add();
    await until(async () => (await stateOf(id)) === 'active');
    const beganAt = Date.now();
    await worker.stop(200);
    expect(Date.now() - beganAt).toBeLessThan(2_000);
    workers.length = 0;
    // As when its process ends: nobody renews the lock any more.
    for (const connection of connections.splice(1)) connection.disconnect();
    await connections[0]?.del(queue.toKey(`${id ?? ''}:lock`));
    work(async () => ({ kind: 'done', outcome: 'succeeded', reason: '' }));
    await until(async () => (await stateOf(id)) === 'completed');
  });
});

it('a process that goes out of service gives its jobs back at once', async () => {
  let works = true;
  const standby = new Standby({
    probe: async () => {
      if (!works) throw new Error('away');
    },
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  const seen: (AbortSignal | undefined)[] = [];
  work((_job, { away }) => {
    seen.push(away);
    return new Promise(() => undefined);
  }, standby);
  standby.start();
  try {
    const { id } = await add();
    await until(() => seen.length === 1);
    works = false;
    await until(async () => ['delayed', 'waiting'].includes((await stateOf(id)) ?? ''));
    expect(outcomes).toEqual(['superseded']);
    expect(seen[0]?.aborted).toBe(true);
    await sleep(300);
    expect(seen).toHaveLength(1);
  } finally {
    standby.stop();
  }
});

it('a loop that breaks is told of in readiness, and begins anew', async () => {
  const run = vi.spyOn(Worker.prototype, 'run').mockRejectedValueOnce(new Error('no such command'));
  const worker = work(async () => ({ kind: 'done', outcome: 'succeeded', reason: '' }));
  // Before anything else is waited for: it begins anew a second later.
  await until(() => worker.problem);
  expect(worker.problem).toBe('no jobs are taken: no such command');
  expect(lines).toMatchObject([{ level: 'error', queue: 'scheduled-run' }]);
  const { id } = await add();
  await until(async () => (await stateOf(id)) === 'completed');
  expect(worker.problem).toBeUndefined();
  run.mockRestore();
});

it('a loop that breaks while its worker stops is left', async () => {
  const broken = Promise.withResolvers<void>();
  const run = vi.spyOn(Worker.prototype, 'run').mockReturnValueOnce(broken.promise);
  const worker = work(async () => ({ kind: 'done', outcome: 'succeeded', reason: '' }));
  await worker.stop(100);
  broken.reject(new Error('closed'));
  await broken.promise.catch(() => undefined);
  expect(worker.problem).toBeUndefined();
  expect(run).toHaveBeenCalledTimes(1);
  run.mockRestore();
});

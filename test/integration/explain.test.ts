import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import { startRedis } from '../../infra/local/redis.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { connectRedis } from '../../infra/redis.ts';
import { containerName } from '../../model/names.ts';
import { NotFound } from '../../producers/control/errors.ts';
import { explain, type ExplainDeps } from '../../producers/control/explain/explain.ts';
import type { Explanation } from '../../producers/control/explain/explanation.ts';
import { JobFacts } from '../../queues/job-facts.ts';
import { BotQueues } from '../../queues/queues.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testDirectory, testServers } from '../support/servers.ts';

const servers = testServers();
const log = createLogger({ level: 'silent', service: 'test' });
const engine: FakeEngine = createFakeEngine({
  installation: servers.installation,
  images: ['python:3.11-slim'],
});
let runner: TestRunner;
let filePath: string;
let botId: string;
/** What is written into containers waits for it. */
let writing: Promise<void> | undefined;

const all = () => runner.services.collections;
const deps = (over: Partial<ExplainDeps> = {}): ExplainDeps => {
  const { services, context } = runner;
  const queues = { ...services.queues.byName, ...services.scheduleQueues.byName };
  const jobs = new JobFacts({ redis: services.redis, queues });
  return {
    collections: services.collections,
    jobs: async () => jobs,
    installation: context.settings.INSTALLATION,
    operator: scheduleOperator(context.settings),
    now: () => new Date(),
    log,
    ...over,
  };
};
const told = (): Promise<Explanation> => explain(deps(), botId);
const status = (check: Parameters<typeof statusOf>[2]) => statusOf(all().status, botId, check);
const step = ({ steps }: Explanation, kind: string): string =>
  steps
    .filter((one) => one.kind === kind)
    .map(({ text }) => text)
    .join(' ');

beforeAll(async () => {
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  const write = engine.writeArchive.bind(engine);
  engine.writeArchive = async (...args) => {
    await writing;
    return write(...args);
  };
  runner = await startTestRunner({
    environment: { ...environment, BACKOFF_FIRST: '5m', BACKOFF_MAX: '5m' },
    engine,
  });
  // Who is alive says so every few seconds.
  await until(async () => (await all().processes.countDocuments()) > 0, { timeoutMs: 20_000 });
});
afterAll(() => runner.stop());
beforeEach(() => {
  botId = newBotId();
});

async function running(): Promise<void> {
  await all().bots.insertOne(botDocument(botId, { filePath, config: { apiKey: 'canary-secret' } }));
  await status((s) => s.phase === 'running' && s.lock === null);
}

describe('explain', () => {
  it('of a bot that runs: who plans, who takes jobs, its container, and that nothing is to be done', async () => {
    await running();
    const found = await told();
    expect(found).toMatchObject({ health: 'well', next: '', cures: [], unknown: [] });
    expect(step(found, 'plan')).toContain(`${runner.context.owner} plans`);
    expect(step(found, 'job')).toMatch(/[1-9] processors? takes? jobs of start/);
    expect(step(found, 'container')).toMatch(/^Container \w{1,12} of image/);
    expect(step(found, 'event')).toContain('something else wrote it into bots');
    expect(JSON.stringify(found)).not.toContain('canary-secret');
  });

  it('of one in its back-off: the exit with its last words, the job that waits, when it is due', async () => {
    await running();
    const name = containerName(servers.installation, botId);
    await engine.control.print(name, 'Traceback: no such symbol\n', 'stderr');
    await engine.control.exit(name, 3);
    const { nextAttemptAt } = await status((s) => s.phase === 'backing-off' && s.lock === null);
    const found = await until(async () => {
      const now = await told();
      return step(now, 'job').includes('is due') ? now : undefined;
    });
    expect(found).toMatchObject({ health: 'trouble', nextAt: nextAttemptAt });
    expect(found.steps.find(({ kind }) => kind === 'exit')?.lines).toEqual(['Traceback: no such symbol']);
    const job = found.steps.find(({ kind, text }) => kind === 'job' && text.includes('is due'));
    expect(Math.abs((job?.at?.getTime() ?? 0) - (nextAttemptAt?.getTime() ?? 0))).toBeLessThan(1_000);
    expect(found.verdict).toContain('It crashed with exit code 3');
  });

  it('of one that failed for good: the job that stays in the queue, and its reason', async () => {
    await all().bots.insertOne(botDocument(botId, { filePath, entry: 'nothing.py' }));
    await status((s) => s.phase === 'failed');
    const found = await until(async () => {
      const now = await told();
      return step(now, 'job').includes('has failed for good') ? now : undefined;
    });
    expect(found).toMatchObject({ health: 'trouble', next: '' });
    expect(step(found, 'job')).toContain('nothing.py');
    expect(found.cures.join(' ')).toContain('entry point');
  });

  it('of one that waits for a slow image: the job that is active, and the processor that is at it', async () => {
    const slow = Promise.withResolvers<void>();
    writing = slow.promise;
    await all().bots.insertOne(botDocument(botId, { filePath }));
    const found = await until(async () => {
      const now = await told();
      // The job is active a moment before its processor has the bot.
      return step(now, 'job').includes('is being worked on') && step(now, 'lock') !== '' ? now : undefined;
    }).finally(slow.resolve);
    expect(found.health).toBe('waiting');
    expect(step(found, 'lock')).toContain(`${runner.context.owner} is at it`);
    await status((s) => s.phase === 'running');
  });

  it('of one that is not started, since an operator paused the queue; once it is resumed it is', async () => {
    const { start } = runner.services.queues.byName;
    await start.pause();
    try {
      await all().bots.insertOne(botDocument(botId, { filePath }));
      const found = await until(async () => {
        const now = await told();
        return step(now, 'job').includes('waits to be taken') ? now : undefined;
      });
      expect(found.health).toBe('trouble');
      expect(found.verdict).toContain('but the queue start is paused');
      expect(found.cures[0]).toContain('Resume the queue start in Bull Board');
      const obstacles = found.steps.filter(({ obstacle }) => obstacle === true).map(({ text }) => text);
      expect(obstacles).toEqual([
        'The queue start is paused: nobody takes its jobs until it is resumed in Bull Board.',
      ]);
    } finally {
      await start.resume();
    }
    await status((s) => s.phase === 'running');
  });

  it('of one whose event nobody understood, and of one that was deleted: when', async () => {
    await all().poison.insertOne({
      _id: new ObjectId(),
      subject: 'the0.bot.created',
      reason: 'config is no object',
      payload: `{"id": "${botId}", "config": 7}`,
      payloadBytes: 50,
      at: new Date(),
    });
    const poisoned = await told();
    expect(step(poisoned, 'event')).toContain('config is no object');
    expect(poisoned.health).toBe('trouble');
    await all().eventOrder.insertOne({
      _id: botId,
      streamCreatedAt: new Date(0),
      sequence: 9,
      deletedAt: new Date(),
    });
    expect((await told()).verdict).toMatch(/^It was deleted .* ago .*, and nothing of it runs\.$/);
  });

  it('of what nobody has ever heard of is refused', async () => {
    await expect(told()).rejects.toThrow(NotFound);
    await expect(explain(deps(), '.*')).rejects.toThrow(NotFound);
  });

  it('of a schedule, by the same question', async () => {
    await all().schedules.insertOne({
      ...botDocument(botId, { filePath, config: { schedule: '61 * * * *' } }),
    });
    const found = await told();
    expect(found.health).toBe('trouble');
    expect(found.verdict).toContain('It cannot run as it is');
    await all().schedules.deleteOne({ id: botId });
  });
});

describe('a server that is away', () => {
  it('Redis: everything else is told, within two seconds', async () => {
    await running();
    const own = await startRedis({ dir: testDirectory() });
    const redis = connectRedis(own.url, { role: 'producer', onError: () => undefined });
    await until(() => redis.status === 'ready');
    const queues = new BotQueues({
      connection: redis,
      installation: servers.installation,
      onError: () => undefined,
    });
    const jobs = new JobFacts({ redis, queues: queues.byName });
    own.kill('SIGKILL');
    await until(() => redis.status !== 'ready');
    const beganMs = performance.now();
    const found = await explain(deps({ jobs: async () => jobs }), botId);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    expect(found).toMatchObject({ health: 'well', unknown: ['Redis could not be asked.'] });
    redis.disconnect();
    await own.stop();
  });

  it('MongoDB: the jobs are told, and that no more is known', async () => {
    const own = await startMongo({ dir: testDirectory(), replicaSet: false });
    const mongo = connectMongo(own.url, { appName: 'test', log });
    await mongo.ping(5_000);
    await runner.services.queues.add([
      { queue: 'start', job: { botId, cause: 'test' }, urgency: 'wish', delayMs: 60_000 },
    ]);
    await own.stop();
    const found = await explain(deps({ collections: collections(mongo.client, servers.databases) }), botId);
    expect(found).toMatchObject({ health: 'unknown', unknown: ['MongoDB could not be asked.'] });
    expect(step(found, 'job')).toContain('(test) is due in');
    await mongo.close();
  });
});

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

// Back-offs of a minute: whatever starts within seconds did not wait for one.
const servers = testServers();
const engine = createFakeEngine({
  installation: servers.installation,
  images: ['python:3.11-slim'],
  registry: ['node:20-slim'],
});
let runner: TestRunner;
let filePath: string;
let botId: string;

const name = (): string => containerName(servers.installation, botId);
const bots = () => runner.services.collections.bots;
const status = (check: Parameters<typeof statusOf>[2], timeoutMs?: number) =>
  statusOf(runner.services.collections.status, botId, check, timeoutMs);
const startQueue = () => runner.services.queues.byName.start;
const delayed = async () => (await startQueue().getDelayed()).filter((job) => job.data.botId === botId);

beforeAll(async () => {
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  runner = await startTestRunner({
    environment: { ...environment, BACKOFF_FIRST: '5m', BACKOFF_MAX: '5m' },
    engine,
  });
});
afterAll(() => runner.stop());
beforeEach(async () => {
  await engine.control.clearFaults();
  botId = newBotId();
});

/** A bot that has crashed and waits for at least some seconds more. */
async function backingOff(): Promise<void> {
  await until(
    async () => {
      botId = newBotId();
      await bots().insertOne(botDocument(botId, { filePath }));
      await status((s) => s.phase === 'running');
      await engine.control.exit(name(), 1);
      const { nextAttemptAt } = await status((s) => s.phase === 'backing-off');
      // Full jitter may have given it less.
      return (nextAttemptAt?.getTime() ?? 0) - Date.now() > 20_000;
    },
    { timeoutMs: 20_000 },
  );
  await until(async () => (await delayed()).length === 1);
}

it('a change starts a bot in back-off at once', async () => {
  await backingOff();
  await bots().updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
  await status((s) => s.phase === 'running' && s.consecutiveFailures === 0, 3_000);
});

it('disabling and enabling starts a bot in back-off at once', async () => {
  await backingOff();
  await bots().updateOne({ id: botId }, { $set: { 'config.enabled': false } });
  await status((s) => s.phase === 'stopped', 3_000);
  await bots().updateOne({ id: botId }, { $set: { 'config.enabled': true } });
  await status((s) => s.phase === 'running', 3_000);
});

it('a waiting attempt that a person promotes is made at once', async () => {
  await backingOff();
  const [job] = await delayed();
  await job?.promote();
  await status((s) => s.phase === 'running', 3_000);
});

it('a job that comes twice, late or for an old event cuts no back-off short', async () => {
  await backingOff();
  const before = await status(() => true);
  // One after the other: of two at once, the deferral of the first may replace the second.
  for (const [queue, urgency] of [
    ['restart', 'wish'],
    ['start', 'event'],
    ['start', 'resync'],
  ] as const) {
    const cause = `test: ${queue} ${urgency}`;
    await runner.services.queues.add([{ queue, job: { botId, cause }, urgency }]);
    if (urgency === 'resync') continue;
    await until(async () =>
      (await runner.services.queues.byName[queue].getCompleted()).some(
        ({ data }) => data.botId === botId && data.cause === cause,
      ),
    );
  }
  await until(async () => (await delayed()).length > 0);
  expect(await status(() => true)).toMatchObject({
    phase: 'backing-off',
    nextAttemptAt: before.nextAttemptAt,
  });
  const [job, ...others] = await delayed();
  expect(others).toEqual([]);
  const dueMs = (job?.timestamp ?? 0) + (job?.opts.delay ?? 0);
  expect(Math.abs(dueMs - (before.nextAttemptAt?.getTime() ?? 0))).toBeLessThan(1_000);
  expect(await engine.inspect(name())).toBeUndefined();
});

it('an exit is dealt with at once although an attempt from another time waits on the queue', async () => {
  await bots().insertOne(botDocument(botId, { filePath }));
  await status((s) => s.phase === 'running');
  await until(async () => (await startQueue().getActiveCount()) === 0);
  await runner.services.queues.add([
    { queue: 'start', job: { botId, cause: 'test: left over' }, urgency: 'resync', delayMs: 300_000 },
  ]);
  await until(async () => (await delayed()).length === 1);
  await engine.control.exit(name(), 1);
  await status((s) => s.phase === 'backing-off', 3_000);
});

it('a change overtakes a start that runs or pulls', async () => {
  await engine.control.setLatency('pullImage', 60_000);
  await bots().insertOne(botDocument(botId, { filePath, runtime: 'nodejs20', entry: 'main.py' }));
  await status((s) => s.phase === 'starting');
  await bots().updateOne({ id: botId }, { $set: { 'custom.config.runtime': 'python3.11' } });
  const first = await status((s) => s.phase === 'running', 3_000);

  await engine.control.setLatency('writeArchive', 700);
  await bots().updateOne({ id: botId }, { $set: { 'config.v': 1 } });
  await until(async () => (await engine.inspect(name()))?.state === 'created');
  await bots().updateOne({ id: botId }, { $set: { 'config.v': 2 } });
  await engine.control.setLatency('writeArchive', 0);
  await status((s) => s.phase === 'running' && s.containerId !== first.containerId, 5_000);
  const started = (await engine.control.ledger()).filter(
    (entry) => entry.botId === botId && entry.type === 'started',
  );
  expect(started, 'the first version and the last, and none in between').toHaveLength(2);
});

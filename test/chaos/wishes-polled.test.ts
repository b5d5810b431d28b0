import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { wishRestart } from '../../infra/mongo/restart-wish.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { containerName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testDirectory, testServers } from '../support/servers.ts';

// A standalone MongoDB has no change streams: every wish is found by a look at everything, each two seconds. Back-offs of
// minutes: whatever starts within seconds did not wait for one.
const FOLLOWED_MS = 8_000;
const servers = testServers();
const engine = createFakeEngine({ installation: servers.installation, images: ['python:3.11-slim'] });
let mongo: RunningServer;
let runner: TestRunner;
let filePath: string;
let botId: string;

const all = () => runner.services.collections;
const status = (check: Parameters<typeof statusOf>[2], timeoutMs = FOLLOWED_MS) =>
  statusOf(all().status, botId, check, timeoutMs);
const name = (): string => containerName(servers.installation, botId);
const delayed = async () =>
  (await runner.services.queues.byName.start.getDelayed()).filter((job) => job.data.botId === botId);

beforeAll(async () => {
  mongo = await startMongo({ dir: testDirectory(), replicaSet: false });
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  runner = await startTestRunner({
    environment: { ...environment, MONGO_URI: mongo.url, BACKOFF_FIRST: '5m', BACKOFF_MAX: '5m' },
    engine,
  });
});
afterAll(async () => {
  await runner.stop();
  await mongo.stop();
});
beforeEach(() => {
  botId = newBotId();
});

/** A bot that has crashed, and whose next attempt waits on the queue for at least half a minute more. */
async function backingOff(): Promise<void> {
  await until(
    async () => {
      botId = newBotId();
      await all().bots.insertOne(botDocument(botId, { filePath }));
      await status((s) => s.phase === 'running');
      await engine.control.exit(name(), 1);
      const { nextAttemptAt } = await status((s) => s.phase === 'backing-off');
      return (nextAttemptAt?.getTime() ?? 0) - Date.now() > 30_000;
    },
    { timeoutMs: 60_000 },
  );
  await until(async () => (await delayed()).length === 1);
}

it('a bot in back-off that its owner has repaired starts at once', async () => {
  await backingOff();
  await all().bots.updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
  await status((s) => s.phase === 'running' && s.consecutiveFailures === 0);
}, 90_000);

it('a bot in back-off that is disabled waits for nothing any more, and starts at once when it is enabled', async () => {
  await backingOff();
  await all().bots.updateOne({ id: botId }, { $set: { 'config.enabled': false } });
  await status((s) => s.phase === 'stopped');
  expect(await delayed(), 'starts that wait').toEqual([]);
  await all().bots.updateOne({ id: botId }, { $set: { 'config.enabled': true } });
  await status((s) => s.phase === 'running');
}, 90_000);

it('a start that was left over on the queue does not hold up a bot that is enabled, released, or made anew', async () => {
  const leftOver = async (): Promise<void> => {
    const job = { botId, cause: 'test: left over' };
    await runner.services.queues.add([{ queue: 'start', job, urgency: 'event', delayMs: 300_000 }]);
  };
  await all().bots.insertOne(botDocument(botId, { filePath, config: { enabled: false } }));
  await status((s) => s.phase === 'stopped');
  await leftOver();
  await all().bots.updateOne({ id: botId }, { $set: { 'config.enabled': true } });
  await status((s) => s.phase === 'running');

  await all().holds.insertOne({ _id: botId, who: 'ann', why: 'incident', at: new Date() });
  await status((s) => s.phase === 'held');
  await leftOver();
  await all().holds.deleteOne({ _id: botId });
  await status((s) => s.phase === 'running');

  await all().bots.deleteOne({ id: botId });
  await until(async () => (await all().status.findOne({ _id: botId })) === null);
  await leftOver();
  await all().bots.insertOne(botDocument(botId, { filePath }));
  await status((s) => s.phase === 'running');
}, 90_000);

it('a restart that somebody wants of a bot in back-off, or of one that runs, is done at once', async () => {
  await backingOff();
  await wishRestart(all().restarts, botId, { who: 'ann', why: 'exchange is back' });
  const { containerId } = await status((s) => s.phase === 'running');
  const { count } = await wishRestart(all().restarts, botId, { who: 'ann', why: 'new image' });
  await status(
    (s) => s.phase === 'running' && s.containerId !== containerId && s.attemptedRestarts === count,
  );
}, 90_000);

it('a back-off that nobody wants ended goes on, however often everything is looked at', async () => {
  await backingOff();
  const { nextAttemptAt } = await status(() => true);
  const [before] = await delayed();
  const begun = Date.now();
  await until(() => Date.now() - begun > 5_000, { timeoutMs: 10_000, everyMs: 250 });
  expect(await status(() => true)).toMatchObject({ phase: 'backing-off', nextAttemptAt });
  expect((await delayed()).map(({ id }) => id)).toEqual([before?.id]);
}, 90_000);

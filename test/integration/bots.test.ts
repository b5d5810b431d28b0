import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf, uploadCode, uploadObject } from '../support/bots.ts';
import { gatedFilling } from '../support/gated-filling.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const filling = gatedFilling(engine);
let runner: TestRunner;
let filePath: string;
let botId: string;

const containerOf = (id: string) => engine.inspect(containerName(servers.installation, id));
const status = (check: Parameters<typeof statusOf>[2], timeoutMs?: number) =>
  statusOf(runner.services.collections.status, botId, check, timeoutMs);
const bots = () => runner.services.collections.bots;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  filePath = await uploadCode(servers, {
    'main.py': 'def main(bot_id, config):\n    pass\n',
    'other.py': '',
  });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  runner = await startTestRunner({ environment, engine: filling.engine });
});

afterAll(async () => {
  await runner.stop();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});

beforeEach(() => {
  botId = newBotId();
});

describe('a bot whose document', () => {
  it('appears is started, with its container and status telling the same', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    const running = await status((s) => s.phase === 'running' && s.lock === null);
    const container = await containerOf(botId);
    expect(container).toMatchObject({ state: 'running', id: running.containerId });
    expect(container?.labels).toMatchObject({
      'runtime.id': botId,
      'runtime.managed': 'true',
      'runtime.type': 'realtime',
      'runtime.entrypoint': 'main.py',
    });
    expect(running).toMatchObject({ reason: 'It runs.', restarts: 0, lock: null });
  });

  it('changes is restarted once, with the new configuration', async () => {
    await bots().insertOne(botDocument(botId, { filePath, config: { symbol: 'BTC' } }));
    const before = await status((s) => s.phase === 'running');
    await bots().updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
    const after = await status((s) => s.phase === 'running' && s.containerId !== before.containerId);
    expect(after).toMatchObject({ restarts: 0, lastExit: { requested: true } });
    const started = (await engine.control.ledger()).filter(
      (entry) => entry.botId === botId && entry.type === 'started',
    );
    expect(started).toHaveLength(2);
  });

  it('changes in nothing that matters is left alone', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    const before = await status((s) => s.phase === 'running');
    await bots().updateOne(
      { id: botId },
      { $set: { 'config.enabled': true, 'config.hasFrontend': false, 'custom.updatedAt': 'now' } },
    );
    const other = newBotId();
    await bots().insertOne(botDocument(other, { filePath }));
    await statusOf(runner.services.collections.status, other, (s) => s.phase === 'running');
    expect((await containerOf(botId))?.id).toBe(before.containerId);
  });

  it('is disabled, enabled and deleted is stopped, started and forgotten', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    await status((s) => s.phase === 'running');
    await bots().updateOne({ id: botId }, { $set: { 'config.enabled': false } });
    expect(await status((s) => s.phase === 'stopped')).toMatchObject({ reason: 'Its owner disabled it.' });
    expect(await containerOf(botId)).toBeUndefined();
    await bots().updateOne({ id: botId }, { $set: { 'config.enabled': true } });
    await status((s) => s.phase === 'running');
    await bots().deleteOne({ id: botId });
    await until(async () => (await runner.services.collections.status.findOne({ _id: botId })) === null);
    expect(await containerOf(botId)).toBeUndefined();
  });

  it('is held by an operator rests until it is released, whatever its owner changes', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    await status((s) => s.phase === 'running');
    await runner.services.collections.holds.insertOne({
      _id: botId,
      who: 'ann',
      why: 'incident 7',
      at: new Date(),
    });
    expect(await status((s) => s.phase === 'held')).toMatchObject({ reason: 'Held by ann: incident 7' });
    await bots().updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
    await runner.services.collections.holds.deleteOne({ _id: botId });
    await status((s) => s.phase === 'running');
  });
});

describe('a bot that', () => {
  it('ends is started again after a back-off, with the exit and its last words kept', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    const first = await status((s) => s.phase === 'running');
    await engine.control.print(
      containerName(servers.installation, botId),
      'Traceback: no such symbol\n',
      'stderr',
    );
    await engine.control.exit(containerName(servers.installation, botId), 3);
    const again = await status((s) => s.phase === 'running' && s.containerId !== first.containerId);
    expect(again).toMatchObject({
      restarts: 1,
      consecutiveFailures: 1,
      reason: 'It runs, after 1 restart.',
      lastExit: {
        exitCode: 3,
        requested: false,
        oomKilled: false,
        containerId: first.containerId,
        lastOutput: ['Traceback: no such symbol'],
      },
    });
  });

  it('runs out of memory is said to have', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    await status((s) => s.phase === 'running');
    await engine.control.oom(containerName(servers.installation, botId));
    const after = await status((s) => s.lastExit !== undefined);
    expect(after.lastExit).toMatchObject({ oomKilled: true });
  });

  it('vanishes from the engine is brought back by the resync', async () => {
    await bots().insertOne(botDocument(botId, { filePath }));
    const first = await status((s) => s.phase === 'running');
    await engine.remove(first.containerId ?? '', { force: true });
    await status((s) => s.phase === 'running' && s.containerId !== first.containerId);
  });

  it('cannot start as it is fails for good, stays in the queue, and starts at once when it is repaired', async () => {
    await bots().insertOne(botDocument(botId, { filePath, entry: 'nothing.py' }));
    const failed = await status((s) => s.phase === 'failed');
    expect(failed).toMatchObject({ permanent: true });
    expect(failed.reason).toContain('nothing.py');
    const visible = await until(async () => {
      const jobs = await runner.services.queues.byName.start.getFailed();
      return jobs.find((job) => job.data.botId === botId);
    });
    expect(visible.failedReason).toContain('nothing.py');
    await bots().updateOne({ id: botId }, { $set: { 'custom.config.entrypoints.bot': 'other.py' } });
    await status((s) => s.phase === 'running', 3_000);
  });

  it('failed for good is tried at once when its job is retried by hand', async () => {
    const key = await uploadObject(servers, Buffer.from('this is no archive'));
    await bots().insertOne(botDocument(botId, { filePath: key }));
    await status((s) => s.phase === 'failed' && s.permanent === true);
    await uploadCode(servers, { 'main.py': 'def main(b, c): pass' }, key);
    const job = await until(async () =>
      (await runner.services.queues.byName.start.getFailed()).find((j) => j.data.botId === botId),
    );
    await job.retry('failed');
    await status((s) => s.phase === 'running', 3_000);
  });

  it('failed by circumstance is tried again with back-off, its status failed meanwhile', async () => {
    await bots().insertOne(botDocument(botId, { filePath: `owner/${botId}/1.0.0` }));
    const failed = await status((s) => s.phase === 'failed' && s.consecutiveFailures >= 2);
    expect(failed.permanent).toBe(false);
    expect(failed.nextAttemptAt).toBeInstanceOf(Date);
    await uploadCode(servers, { 'main.py': 'def main(b, c): pass' }, `owner/${botId}/1.0.0`);
    await status((s) => s.phase === 'running');
  });

  it.each([
    ['memory_limit: "lots"', { config: { memory_limit: 'lots' } }, /memory_limit.*lots/],
    ['an unknown runtime', { runtime: 'cobol85' }, /cobol85.*python3\.11/s],
    ['an entry point outside', { entry: '../main.py' }, /\.\.\/main\.py/],
    ['a config that does not fit', { config: { blob: 'x'.repeat(130 * 1024) } }, /120 KiB/],
  ])('has %s fails with a message that names it', async (_what, over, expected) => {
    await bots().insertOne(botDocument(botId, { filePath, ...over }));
    const failed = await status((s) => s.phase === 'failed');
    expect(failed.permanent).toBe(true);
    expect(failed.reason).toMatch(expected);
  });

  it('has an id that no container can bear fails without touching the engine', async () => {
    botId = `evil/../${newBotId()}`;
    await bots().insertOne(botDocument(botId, { filePath }));
    const failed = await status((s) => s.phase === 'failed');
    expect(failed).toMatchObject({ failureCode: 'bad_id', permanent: true });
    await bots().deleteOne({ id: botId });
    await until(async () => (await runner.services.collections.status.findOne({ _id: botId })) === null);
  });
});

it('a pull that takes long holds up no other bot, and is given up when nobody wants it', async () => {
  await engine.control.addToRegistry('node:20-slim');
  await engine.control.setLatency('pullImage', 60_000);
  await bots().insertOne(botDocument(botId, { filePath, runtime: 'nodejs20', entry: 'main.py' }));
  const waiting = await status((s) => s.phase === 'starting');
  expect(waiting.reason).toContain('node:20-slim');
  const other = newBotId();
  await bots().insertOne(botDocument(other, { filePath }));
  // Within a quarter of what the pull takes, as all that is waited for here.
  await statusOf(runner.services.collections.status, other, (s) => s.phase === 'running');
  await bots().updateOne({ id: botId }, { $set: { 'config.enabled': false } });
  await status((s) => s.phase === 'stopped');
  await engine.control.clearFaults();
});

it('a start that is overtaken by another wish gives way to it', async () => {
  const goOn = filling.halt();
  await bots().insertOne(botDocument(botId, { filePath, config: { v: 1 } }));
  await until(() => containerOf(botId));
  await bots().updateOne({ id: botId }, { $set: { 'config.v': 2 } });
  goOn();
  await status((s) => s.phase === 'running');
  const started = (await engine.control.ledger()).filter(
    (entry) => entry.botId === botId && entry.type === 'started',
  );
  expect(started).toHaveLength(1);
});

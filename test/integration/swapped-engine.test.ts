import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  connectFakeEngine,
  createFakeEngine,
  serveFakeEngine,
  type FakeEngine,
  type FakeEngineServer,
} from '../../infra/engine/fake/index.ts';
import { containerName, launchVolumeName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

/** How long an engine is believed to be the same, and a little. */
const BELIEVED_MS = 5_500;

const servers = testServers();
const { installation } = servers;
const images = ['python:3.11-slim'];
let own: FakeEngineServer;
let serving: FakeEngineServer;
let runner: TestRunner;
let filePath: string;

beforeAll(async () => {
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  serving = own = await serveFakeEngine({ images });
  const { NATS_URL: _none, ...environment } = servers.environment;
  runner = await startTestRunner({
    environment: { ...environment, RECONCILE_INTERVAL: '1s' },
    engine: connectFakeEngine({ url: own.url, installation }),
  });
});
afterAll(async () => {
  await runner?.stop();
  await serving?.close();
});

/** Another one behind the port that the runner knows. */
async function swap(options: Parameters<typeof serveFakeEngine>[0]): Promise<FakeEngine> {
  const port = Number(new URL(own.url).port);
  await serving.close();
  serving = await serveFakeEngine({ ...options, port });
  return createFakeEngine({ installation, host: serving.host });
}

it('on an engine that is not its own nothing is created, forgotten or said to have stopped', async () => {
  const { bots, status } = runner.services.collections;
  const mine = createFakeEngine({ installation, host: own.host });
  const [disabled, deleted, fresh, kept] = [newBotId(), newBotId(), newBotId(), newBotId()];
  for (const id of [disabled, deleted, kept]) await bots.insertOne(botDocument(id, { filePath }));
  for (const id of [disabled, deleted, kept]) await statusOf(status, id, ({ phase }) => phase === 'running');

  // No job is left over from the looks with which it began.
  await sleep(2_500);
  const other = await swap({ images });
  await sleep(BELIEVED_MS);
  await bots.updateOne({ id: disabled }, { $set: { 'config.enabled': false } });
  await bots.deleteOne({ id: deleted });
  await bots.insertOne(botDocument(fresh, { filePath }));
  await statusOf(status, fresh, ({ failureCode }) => failureCode === 'another_engine', 10_000);
  await sleep(3_000);
  expect(await other.list()).toEqual([]);
  for (const id of [disabled, deleted, kept])
    expect(await status.findOne({ _id: id }), id).toMatchObject({
      phase: 'running',
      containerId: expect.any(String) as string,
    });
  const volumes = (await mine.listVolumes()).map(({ name }) => name);
  for (const id of [disabled, deleted, kept]) {
    expect((await mine.inspect(containerName(installation, id)))?.state).toBe('running');
    expect(volumes).toContain(launchVolumeName(installation, id));
  }

  await swap({ host: own.host });
  await statusOf(status, disabled, ({ phase }) => phase === 'stopped', 30_000);
  await until(async () => (await status.findOne({ _id: deleted })) === null, { timeoutMs: 30_000 });
  await statusOf(status, fresh, ({ phase }) => phase === 'running', 30_000);
  expect((await mine.list()).map(({ name }) => name).sort()).toEqual(
    [fresh, kept].map((id) => containerName(installation, id)).sort(),
  );
}, 90_000);

import { text } from 'node:stream/consumers';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { askEngine } from '../../infra/local/engine-http.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { ensureEventsStream, publishEvent } from '../../infra/nats/platform-stream.ts';
import { containerName } from '../../model/names.ts';
import { botEvent, tellBotStory, tellingBot } from '../support/bot-story.ts';
import { newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { ownNats, testEngine, testServers } from '../support/servers.ts';

const servers = testServers();
let engine: Engine;
let nats: RunningServer;
let connection: NatsConnection;
let runner: TestRunner;

beforeAll(async () => {
  const { DOCKER_HOST: dockerHost } = servers.environment;
  engine = createDockerEngine({
    installation: servers.installation,
    log: createLogger({ level: 'silent', service: 'test' }),
    ...(dockerHost === undefined ? {} : { dockerHost }),
  });
  nats = await ownNats();
  connection = await connect({ servers: nats.url });
  await ensureEventsStream(await jetstreamManager(connection));
  runner = await startTestRunner({ environment: { ...servers.environment, NATS_URL: nats.url } });
});

afterAll(async () => {
  await runner.stop();
  await connection.close();
  await nats.stop();
  await removeAll(engine);
});

const publish = (kind: 'created' | 'updated' | 'deleted', payload: object) =>
  publishEvent(jetstream(connection), `the0.bot.${kind}`, payload);

const container = (id: string) => engine.inspect(containerName(servers.installation, id));
// That each takes less than a second is for the bench `follow` to show, on a machine that does nothing else.
it('a bot is deployed, changed, disabled, enabled, upgraded and deleted by events alone', async () => {
  const { id, deployed, tookMs } = await tellBotStory({ servers, engine, connection });
  expect(deployed.labels).toMatchObject({
    'runtime.id': id,
    'runtime.managed': 'true',
    'runtime.type': 'realtime',
    'runtime.entrypoint': 'main.py',
  });
  console.log('milliseconds from event to effect', tookMs);
  await until(async () => (await runner.services.collections.status.findOne({ _id: id })) === null);
});

it('a bot that crashes is started again, and its last words are kept', async () => {
  const id = newBotId();
  const code = await uploadCode(servers, {
    'main.py': 'def main(bot_id, config):\n    raise ValueError("no such symbol")\n',
  });
  await publish('created', botEvent(id, code, {}));
  const status = await statusOf(
    runner.services.collections.status,
    id,
    (s) => (s.lastExit?.exitCode ?? 0) === 1 && s.restarts >= 1,
  );
  expect(status.lastExit?.lastOutput.join('\n')).toContain('ValueError: no such symbol');
  await publish('deleted', { id, config: {} });
  await until(async () => (await container(id)) === undefined);
});

it('exchange keys are in no place that an inspection shows', async () => {
  const id = newBotId();
  const canary = `canary-${newBotId()}`;
  const code = await uploadCode(servers, { 'main.py': tellingBot(1) });
  await publish('created', botEvent(id, code, { symbol: 'BTC', api_secret: canary }));
  const status = await statusOf(runner.services.collections.status, id, (s) => s.phase === 'running');
  const answer = await askEngine(testEngine(), { path: `/containers/${status.containerId}/json` });
  const inspected = await text(answer);
  expect(inspected).toContain(id);
  expect(inspected).not.toContain(canary);
  expect(JSON.stringify(status)).not.toContain(canary);
  const jobs = await runner.services.queues.byName.start.getJobs();
  expect(JSON.stringify(jobs.map((job) => [job.data, job.opts, job.returnvalue as unknown]))).not.toContain(
    canary,
  );
});

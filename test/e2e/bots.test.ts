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
import { newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { ownNats, testEngine, testServers } from '../support/servers.ts';

const BOT = `
import json, os, time

def main(bot_id, config):
    with open('result.json', 'w') as f:
        json.dump({'status': 'success', 'symbol': config['symbol']}, f)
    print(json.dumps({'_metric': 'price', 'symbol': config['symbol'], 'version': VERSION}), flush=True)
    try:
        while True:
            time.sleep(0.1)
    finally:
        print('bye', flush=True)
`;

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

const event = (id: string, filePath: string, config: Record<string, unknown>, version = '1.0.0') => ({
  id,
  config: { name: 'e2e', type: 'realtime/e2e', version, customBotId: 'c1', ...config },
  custom: {
    config: {
      name: 'e2e',
      type: 'realtime',
      runtime: 'python3.11',
      version,
      entrypoints: { bot: 'main.py' },
    },
    createdAt: '2026-11-23T00:00:00.000Z',
    updatedAt: '2026-11-23T00:00:00.000Z',
    filePath,
    version,
  },
});

const container = (id: string) => engine.inspect(containerName(servers.installation, id));
const output = async (containerId: string): Promise<string> => {
  let text = '';
  for await (const line of engine.logs(containerId, {})) text += line.data.toString();
  return text;
};

it('a bot deployed, changed, disabled, enabled, upgraded and deleted by events alone follows each within a second', async () => {
  const id = newBotId();
  const first = await uploadCode(servers, { 'main.py': BOT.replace('VERSION', '1') });
  const second = await uploadCode(servers, { 'main.py': BOT.replace('VERSION', '2') });
  // What every bot of this version shares is fetched and unpacked once; the second is for the moment after.
  const took: Record<string, number> = {};
  const follows = async <T>(
    what: string,
    act: Promise<unknown>,
    check: () => Promise<T>,
  ): Promise<NonNullable<T>> => {
    await act;
    const began = performance.now();
    const seen = await until(check, { everyMs: 20, what });
    took[what] = Math.round(performance.now() - began);
    return seen;
  };
  const runs = async (symbol: string, version: number) => {
    const seen = await container(id);
    if (seen?.state !== 'running') return undefined;
    return (await output(seen.id)).includes(`"symbol": "${symbol}", "version": ${version}`)
      ? seen
      : undefined;
  };
  const gone = async () => (await container(id)) === undefined;

  const deployed = await follows('created', publish('created', event(id, first, { symbol: 'BTC' })), () =>
    runs('BTC', 1),
  );
  expect(deployed.labels).toMatchObject({
    'runtime.id': id,
    'runtime.managed': 'true',
    'runtime.type': 'realtime',
    'runtime.entrypoint': 'main.py',
  });
  await follows('changed', publish('updated', event(id, first, { symbol: 'ETH' })), () => runs('ETH', 1));
  await follows('disabled', publish('updated', event(id, first, { symbol: 'ETH', enabled: false })), gone);
  await follows('enabled', publish('updated', event(id, first, { symbol: 'ETH', enabled: true })), () =>
    runs('ETH', 1),
  );
  await follows(
    'upgraded',
    publish('updated', event(id, second, { symbol: 'ETH', enabled: true }, '1.1.0')),
    () => runs('ETH', 2),
  );
  await follows('deleted', publish('deleted', { id, config: { name: 'e2e' } }), gone);
  console.log('milliseconds from event to effect', took);
  // Restarts include a stop and a start of a real interpreter; the machine that runs the tests may be busy.
  for (const [what, ms] of Object.entries(took)) expect(ms, what).toBeLessThan(2_000);
  await until(async () => (await runner.services.collections.status.findOne({ _id: id })) === null);
});

it('a bot that crashes is started again, and its last words are kept', async () => {
  const id = newBotId();
  const code = await uploadCode(servers, {
    'main.py': 'def main(bot_id, config):\n    raise ValueError("no such symbol")\n',
  });
  await publish('created', event(id, code, {}));
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
  const code = await uploadCode(servers, { 'main.py': BOT.replace('VERSION', '1') });
  await publish('created', event(id, code, { symbol: 'BTC', api_secret: canary }));
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

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectNats } from '../../infra/nats/connect.ts';
import { createEventConsumer } from '../../producers/events/consumer.ts';
import { BOT_EVENTS, SCHEDULE_EVENTS } from '../../producers/events/family.ts';
import { runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { ownNats, testServers } from '../support/servers.ts';

const servers = testServers();
const log = createLogger({ level: 'silent', service: 'test' });
let base = '';
let nats: RunningServer;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'cli-deploy-'));
  nats = await ownNats();
});
afterAll(async () => {
  await nats?.stop();
  await rm(base, { recursive: true, force: true });
});

async function deploy(type: 'realtime' | 'scheduled', id: string, config: object): Promise<void> {
  const folder = join(base, type);
  await mkdir(folder, { recursive: true });
  const definition = `name: ${type}-${servers.installation}\nversion: 1.0.0\ntype: ${type}\nruntime: python3.11\nentrypoints: {bot: main.py}\n`;
  await writeFile(join(folder, 'bot-config.yaml'), definition);
  await writeFile(join(folder, 'main.py'), 'def main(id, config, results=None): pass\n');
  await writeFile(join(base, 'instance.json'), JSON.stringify(config));
  const { code, stderr } = await runCli(
    ['deploy', folder, '--id', id, '--config', join(base, 'instance.json')],
    { ...servers.environment, NATS_URL: nats.url },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

describe('two deployments under one id before anything was applied', () => {
  it.each([
    { type: 'realtime', family: BOT_EVENTS, stored: 'bots', more: {} },
    { type: 'scheduled', family: SCHEDULE_EVENTS, stored: 'schedules', more: { schedule: '0 0 1 1 *' } },
  ] as const)('leave the second, $type', async ({ type, family, stored, more }) => {
    await deploy(type, 'twice', { ...more, symbol: 'BTC' });
    await deploy(type, 'twice', { ...more, symbol: 'ETH' });

    await using mongo = connectMongo(servers.mongoUri, { appName: 'test', log });
    const all = collections(mongo.client, servers.databases);
    await ensureIndexes(all);
    await using link = connectNats({ url: nats.url, name: 'test', log });
    const { installation } = servers;
    const deps = { nats: link, mongo, collections: all, installation, owner: 'test', log };
    const consumer = createEventConsumer({ family, ...deps, leaseTtlMs: 2_000 });
    consumer.start();
    try {
      const applied = (): number => Object.values(consumer.stats.applied).reduce((sum, n) => sum + n, 0);
      await until(() => applied() === 2);
      expect((await all[stored].findOne({ id: 'twice' }))?.config).toMatchObject({ symbol: 'ETH' });
    } finally {
      await consumer.stop();
      await all[stored].deleteMany({ id: 'twice' });
    }
  });
});

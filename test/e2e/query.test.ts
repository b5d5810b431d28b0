import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { queryServerAsker } from '../../producers/control/queries/ask.ts';
import { openQueryWorld, type QueryWorld } from '../integration/query-world.ts';
import { uploadCode } from '../support/bots.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testEngine, testServers } from '../support/servers.ts';

/** The examples' query programs, asked while their bots run. */
const servers = testServers();
const { installation } = servers;
let engine: Engine;
let world: QueryWorld;
let runner: TestRunner;

async function filesOf(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'));
  const read = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path.slice(folder.length + 1), await readFile(path)] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** Puts an example on record, as the events of its deployment would. */
async function deploy(
  name: string,
  how: { runtime?: string; entry?: string; query?: string; kind?: 'bots' | 'schedules' } = {},
): Promise<string> {
  const folder = join(import.meta.dirname, '..', '..', 'examples', name);
  const filePath = await uploadCode(servers, await filesOf(folder));
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
  return world.bot({
    ...how,
    filePath,
    config: { ...config, interval_seconds: 0.2, update_interval_ms: 200 },
  });
}

async function ask(botId: string, path: string, params: Record<string, unknown> = {}): Promise<unknown> {
  const settings = loadSettings({ QUERY_SERVER_PORT: String(world.port) });
  const asked = { id: botId, path, params, timeoutMs: 60_000 };
  const { data } = await queryServerAsker(settings)(asked, AbortSignal.timeout(70_000));
  return data;
}

beforeAll(async () => {
  engine = createDockerEngine({
    installation,
    dockerHost: testEngine(),
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  const environment = { EGRESS_FILTER: 'auto' };
  world = await openQueryWorld({ servers, engine, code: { 'query.py': '' }, environment });
  runner = await startTestRunner({ environment: { ...servers.environment, ...environment }, engine });
}, 120_000);

afterAll(async () => {
  await runner?.stop();
  await world?.[Symbol.asyncDispose]();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
}, 120_000);

it('a Python bot tells of the state that it is just writing, and reads parameters', async () => {
  const botId = await deploy('python-momentum');
  const ticksOf = async (): Promise<number> => ((await ask(botId, '/status')) as { ticks: number }).ticks;
  const first = await until(async () => (await ticksOf()) || undefined, { timeoutMs: 90_000, everyMs: 500 });
  await until(async () => (await ticksOf()) > first, { timeoutMs: 60_000, everyMs: 500 });
  const one = (await ask(botId, '/value', { units: 1 })) as { symbol: string; value: number };
  const many = (await ask(botId, '/value', { units: 1_000 })) as { value: number };
  expect(many.value).toBeGreaterThan(one.value * 900);
  await expect(ask(botId, '/value', { units: 'many' })).rejects.toThrow(/ValueError/);
});

it('a Node bot does too', async () => {
  const botId = await deploy('node-price-alerts', {
    runtime: 'nodejs20',
    entry: 'main.js',
    query: 'query.js',
  });
  await until(async () => ((await ask(botId, '/alerts')) as { ticks: number }).ticks > 3, {
    timeoutMs: 90_000,
    everyMs: 500,
  });
});

it('a scheduled bot answers between its runs, from the first moment', async () => {
  const botId = await deploy('python-rebalance', { kind: 'schedules' });
  expect(await ask(botId, '/portfolio', { symbol: 'BTC' })).toEqual({ runs: 0, cash: null, units: {} });
  expect(await ask(botId, '/info')).toEqual({ available_queries: ['/health', '/info', '/portfolio'] });
});

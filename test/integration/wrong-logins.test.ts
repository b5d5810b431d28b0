import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMongo } from '../../infra/local/mongo.ts';
import { startRedis } from '../../infra/local/redis.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { ownNats, testDirectory, testServers } from '../support/servers.ts';

/** Servers that want a login, and what processes and commands say who have a wrong one. */
const servers = testServers();
const RIGHT = 'right-7f3a';
const WRONG = 'canary-5b1e';
let mongo: RunningServer;
let redis: RunningServer;
let nats: RunningServer;
let right: Record<string, string>;

const at = (url: string, password: string, user = 'runtime'): string =>
  url.replace('://', `://${user}:${password}@`);

beforeAll(async () => {
  [mongo, redis, nats] = await Promise.all([
    startMongo({ dir: testDirectory(), replicaSet: false, args: ['--auth'] }),
    startRedis({ dir: testDirectory() }),
    ownNats({ args: ['--user', 'runtime', '--pass', RIGHT] }),
  ]);
  // As long as there is no user, whoever comes from this host may make the first.
  const client = new MongoClient(mongo.url);
  await client.db('admin').command({ createUser: 'runtime', pwd: RIGHT, roles: ['root'] });
  await client.close();
  const admin = new Redis(redis.url);
  await admin.config('SET', 'requirepass', RIGHT);
  admin.disconnect();
  right = {
    ...servers.environment,
    MONGO_URI: at(mongo.url, RIGHT),
    REDIS_URL: at(redis.url, RIGHT, ''),
    NATS_URL: at(nats.url, RIGHT),
    SCHEDULER_HEALTH_PORT: '0',
  };
}, 60_000);
afterAll(async () => {
  await Promise.all([mongo, redis, nats].map((server) => server?.stop()));
});

const wrong = (): Record<string, Record<string, string>> => ({
  MongoDB: { MONGO_URI: at(mongo.url, WRONG) },
  Redis: { REDIS_URL: at(redis.url, WRONG, '') },
  NATS: { NATS_URL: at(nats.url, WRONG) },
});
const none = (): Record<string, Record<string, string>> => ({
  MongoDB: { MONGO_URI: mongo.url },
  Redis: { REDIS_URL: redis.url },
  NATS: { NATS_URL: nats.url },
});
const SETTING: Record<string, string> = { MongoDB: 'MONGO_URI', Redis: 'REDIS_URL', NATS: 'NATS_URL' };
const SERVERS = Object.keys(SETTING);

async function readiness(scheduler: CliProcess): Promise<string> {
  const [, url = ''] = await scheduler.says(/"health":"([^"]+)"/);
  return (await fetch(`${url}/readyz`)).text();
}

describe.each([
  ['a wrong', wrong],
  ['no', none],
])('a process with %s password for', (_what, environmentOf) => {
  it.each(SERVERS)('%s says so in one line, and which setting to check', async (server) => {
    const environment = { ...right, ...environmentOf()[server] };
    await using scheduler = new CliProcess(['bot-scheduler'], environment);
    const cure = `${server} refused the login: check user and password in ${SETTING[server] ?? ''}`;
    await scheduler.says(new RegExp(`"msg":"(.*: )?${cure}"`));
    await scheduler.says(/"health":/);
    const lines = scheduler.stdout.split('\n').filter((line) => /is away|refused the login/.test(line));
    expect(lines.filter((line) => !line.includes(cure))).toEqual([]);
    // As long as another server was not asked yet, it names only that one.
    await expect.poll(() => readiness(scheduler), { timeout: 20_000 }).toMatch(/refused the login|starting/);
    expect(scheduler.stdout + scheduler.stderr).not.toContain(WRONG);
  });
});

it('readiness names the setting too', async () => {
  await using scheduler = new CliProcess(['bot-scheduler'], { ...right, ...wrong()['NATS'] });
  await scheduler.says(/"msg":"ready"|refused the login/);
  await expect
    .poll(() => readiness(scheduler), { timeout: 20_000 })
    .toContain('nats: NATS refused the login: check user and password in NATS_URL');
});

describe('a command with a wrong password for', () => {
  const commands: Record<string, string[]> = {
    MongoDB: ['bots'],
    Redis: ['queues'],
    NATS: ['logs', 'b1', '-f'],
  };
  it.each(SERVERS)('%s says so, which setting to check, and ends with 1', async (server) => {
    const { code, stderr } = await runCli(commands[server] ?? [], { ...right, ...wrong()[server] });
    expect(stderr).toMatch(
      new RegExp(`${server} refused the login.*check user and password in ${SETTING[server] ?? ''}`, 'i'),
    );
    expect(stderr).not.toContain(WRONG);
    expect(code).toBe(1);
  });
});

it('the right passwords are taken', async () => {
  expect((await runCli(['bots'], right)).code).toBe(0);
  await using scheduler = new CliProcess(['bot-scheduler'], right);
  await scheduler.says(/"msg":"consuming events"|the event stream is away/);
  expect(scheduler.stdout).not.toContain('refused');
});

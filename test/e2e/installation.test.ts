import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { buildProductImages, type ProductImages } from '../../infra/images/product.ts';
import { runCommand } from '../../infra/local/command.ts';
import { freePorts } from '../../infra/local/ports.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { runCli } from '../support/cli.ts';
import { composeCommand, ComposeProject } from '../support/compose.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { serverImages } from '../support/server-images.ts';
import { testEngine, testServers } from '../support/servers.ts';

/** One life of a single-host installation: the product's own image, every role of it restricted as the file says. */
const { installation } = testServers();
const dockerHost = testEngine();
const dir = mkdtempSync(join(tmpdir(), 'the0-installation-'));
const ports = { control: 0, grpc: 0, queries: 0, nats: 0, s3: 0 };
let engine: Engine;
let images: ProductImages;
let compose: ComposeProject;
let token = '';
let bot = '';
let schedule = '';

const silently = () => undefined;
const SERVERS = ['mongo', 'redis', 'nats', 's3'];
/** Six roles, the network's rules, and the servers. */
const SERVICES = 7 + SERVERS.length;
const secret = (name: string): string => readFileSync(join(dir, 'secrets', name), 'utf8');

/** What the platform is given. */
const platform = () => ({
  UP_FILE: join(dir, 'none.json'),
  NATS_URL: secret('platform_nats_url').replace('PLATFORM_HOST:4222', `127.0.0.1:${ports.nats}`),
  S3_ENDPOINT: `127.0.0.1:${ports.s3}`,
  S3_ACCESS_KEY: secret('platform_s3_access_key'),
  S3_SECRET_KEY: secret('platform_s3_secret_key'),
});

async function deploy(example: string): Promise<string> {
  const { stdout, stderr, code } = await runCli(
    ['deploy', join(import.meta.dirname, '..', '..', 'examples', example), '--json'],
    platform(),
  );
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { id: string }).id;
}

async function call<T>(method: string, body: object = {}): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${ports.control}/the0.runtime.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const theBot = () => call<{ bot: { phase: string; container?: string } }>('BotService/GetBot', { id: bot });

const containersOf = async (id: string) =>
  (await engine.list({ labels: { [LABEL.kind]: 'bot', [LABEL.id]: id } })).map(
    ({ id: container }) => container,
  );

async function healthy(): Promise<void> {
  await until(
    async () => {
      const output = await docker(
        ...['ps', '--all', '--format', '{{.Names}} {{.Status}}'],
        ...['--filter', `label=com.docker.compose.project=${installation}`],
      );
      const lasting = output.split('\n').filter((line) => line !== '' && !line.includes('mongo-setup'));
      const ill = lasting.filter((line) => !line.includes('(healthy)'));
      if (lasting.length < SERVICES || ill.length > 0) throw new Error(`not healthy: ${ill.join(', ')}`);
      return true;
    },
    { timeoutMs: 120_000, everyMs: 1_000, what: 'every service to be healthy' },
  );
}

/** Adds to what the operator's `.env` says: the last one of a name counts. */
function environment(more: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(more)) appendFileSync(join(dir, '.env'), `${name}=${value}\n`);
}

/** As the README has it, for a first time and for an upgrade; but for images, which are the test's own. */
async function init({ runtime, network }: ProductImages): Promise<void> {
  const { code, stderr } = await runCli(['installation', 'init', dir, '--installation', installation], {});
  if (code !== 0) throw new Error(stderr);
  environment({ THE0_IMAGE: runtime, THE0_NETWORK_IMAGE: network });
}

async function docker(...args: string[]): Promise<string> {
  const { code, output } = await runCommand('docker', ['--host', dockerHost, ...args], {
    timeoutMs: 60_000,
  });
  if (code !== 0) throw new Error(output);
  return output.trim();
}

/** A further version of the product, as far as the engine can tell: on the same layers, and another image. */
async function nextVersion(of: ProductImages): Promise<ProductImages> {
  const folder = mkdtempSync(join(tmpdir(), 'the0-next-version-'));
  try {
    for (const image of Object.values(of)) {
      writeFileSync(
        join(folder, 'Dockerfile'),
        `FROM ${image}\nLABEL org.opencontainers.image.version=next\n`,
      );
      await docker('build', '--quiet', '--tag', `${image}-next`, folder);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { runtime: `${of.runtime}-next`, network: `${of.network}-next` };
}

/** Of the services that last: the container of each, and the id of its image. */
async function containersByService(): Promise<Map<string, { container: string; image: string }>> {
  const project = `label=com.docker.compose.project=${installation}`;
  const ids = (await docker('ps', '--quiet', '--no-trunc', '--filter', project)).split('\n');
  const format = '{{index .Config.Labels "com.docker.compose.service"}} {{.Id}} {{.Image}}';
  const lines = (await docker('inspect', '--format', format, ...ids)).split('\n');
  return new Map(
    lines.map((line) => {
      const [service = '', container = '', image = ''] = line.split(' ');
      return [service, { container, image }];
    }),
  );
}

beforeAll(async () => {
  engine = createDockerEngine({
    installation,
    dockerHost,
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  images = await buildProductImages({ progress: silently, tag: installation });
  const servers = await serverImages(dockerHost);
  const [control = 0, grpc = 0, queries = 0, nats = 0, s3 = 0] = await freePorts(5);
  Object.assign(ports, { control, grpc, queries, nats, s3 });
  await init(images);
  environment({
    ...servers,
    CONTROL_PORT: control,
    GRPC_PORT: grpc,
    QUERY_SERVER_PORT: queries,
    NATS_PORT: nats,
    S3_PORT: s3,
  });
  // A process that cannot read the file does not start.
  writeFileSync(join(dir, 'secrets', 'own', 'notify_secret'), 'sixteen letters, and more');
  appendFileSync(
    join(dir, 'settings.env'),
    'NOTIFY_SECRET_FILE=/run/own/notify_secret\nDASHBOARD_SESSION_MAX=1h\n',
  );
  compose = new ComposeProject({ command: await composeCommand(), dir, project: installation, dockerHost });
}, 600_000);

afterAll(async () => {
  await compose?.run('down', '--volumes', '--timeout', '5').catch(silently);
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  for (const image of Object.values(images))
    for (const tag of [`${image}-next`, image]) await docker('rmi', tag).catch(silently);
  rmSync(dir, { recursive: true, force: true });
}, 120_000);

describe('an installation on one host', () => {
  it('comes up from its folder alone, and lets nobody in before there is a token', async () => {
    await compose.run('up', '--detach');
    await expect(fetch(`http://127.0.0.1:${ports.control}/`)).rejects.toThrow();
    const made = await compose.run(
      'run',
      '--rm',
      '-T',
      'controller',
      'tokens',
      'create',
      'test',
      '--role',
      'admin',
    );
    token = /^the0_\S+$/m.exec(made)?.[0] ?? '';
    expect(token).not.toBe('');
    await healthy();
  }, 240_000);

  it('shows the dashboard to whoever has the token, and does as the operator’s settings say', async () => {
    const url = `http://127.0.0.1:${ports.control}`;
    const answer = await fetch(`${url}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
      body: new URLSearchParams({ token, next: '/' }).toString(),
    });
    expect(answer.status).toBe(303);
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const page = await fetch(url, { headers: { cookie, accept: 'text/html' } });
    const script = /src="(\/assets\/app-[^"]+)"/.exec(await page.text())?.[1] ?? '';
    expect((await fetch(`${url}${script}`, { headers: { cookie } })).headers.get('content-type')).toMatch(
      /^text\/javascript/,
    );
    const session = await fetch(`${url}/session`, { headers: { cookie } });
    const { expiresAt } = (await session.json()) as { expiresAt: string };
    // A day is the default.
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThan(2 * 3_600_000);
  });

  it('is reached by this machine alone, and does not warn of what its query server listens on within', async () => {
    const published = await docker(
      'ps',
      '--filter',
      `label=com.docker.compose.project=${installation}`,
      '--format',
      '{{.Ports}}',
    );
    expect(published).toContain(`127.0.0.1:${ports.queries}->9477/tcp`);
    expect(published).not.toMatch(/0\.0\.0\.0:\d+->/);
    expect(await compose.run('logs', 'query-server')).not.toContain('can ask every bot');
  });

  it('holds the engine’s socket in processors alone', async () => {
    const ours = ['--filter', `label=com.docker.compose.project=${installation}`];
    const holders = await docker('ps', '--quiet', ...ours, '--filter', 'volume=/var/run/docker.sock');
    const service = '{{index .Config.Labels "com.docker.compose.service"}}';
    const names = await docker('inspect', '--format', service, ...holders.split('\n'));
    expect(new Set(names.split('\n'))).toEqual(new Set(['processor']));
  });

  it('runs a bot, a schedule and a query', async () => {
    bot = await deploy('node-price-alerts');
    schedule = await deploy('python-rebalance');
    await until(async () => (await theBot()).bot.phase === 'BOT_PHASE_RUNNING', { timeoutMs: 60_000 });
    const asked = await fetch(`http://127.0.0.1:${ports.queries}/query`, {
      method: 'POST',
      body: JSON.stringify({ bot_id: bot, query_path: '/info' }),
    });
    expect(await asked.json()).toMatchObject({ status: 'ok' });
    // Its event is another than the bot's, and another process takes it.
    await until(() => call('ScheduleService/GetSchedule', { id: schedule }), {
      timeoutMs: 60_000,
      everyMs: 500,
      what: 'the schedule being known',
    });
    const change = { reason: 'tried by a test' };
    const { run } = await call<{ run: { id: string } }>('RunService/RunNow', { schedule, change });
    await until(
      async () => {
        const { details } = await call<{ details: { run: { state: string } } }>('RunService/GetRun', {
          id: run.id,
        });
        return details.run.state === 'RUN_STATE_SUCCEEDED';
      },
      { timeoutMs: 60_000 },
    );
  }, 150_000);

  it('is upgraded without touching a bot, and lets in whoever had a token', async () => {
    const [ofBot = ''] = await containersOf(bot);
    const sinceWhen = () => docker('inspect', '--format', '{{.State.StartedAt}}', ofBot);
    const startedAt = await sinceWhen();
    const before = await containersByService();
    expect(before.size).toBe(SERVICES);

    const next = await nextVersion(images);
    await init(next);
    await compose.run('up', '--detach');
    await healthy();

    const after = await containersByService();
    const idOf = (image: string) => docker('image', 'inspect', '--format', '{{.Id}}', image);
    const [runtime, network] = [await idOf(next.runtime), await idOf(next.network)];
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    for (const [service, { container, image }] of after) {
      const was = before.get(service);
      if (SERVERS.includes(service)) expect(container, service).toBe(was?.container);
      else {
        expect(container, service).not.toBe(was?.container);
        expect(image, service).toBe(service === 'network' ? network : runtime);
      }
    }
    // The token is the one of before.
    await until(async () => (await theBot()).bot.phase === 'BOT_PHASE_RUNNING', { timeoutMs: 60_000 });
    expect((await theBot()).bot.container).toBe(ofBot);
    expect(await containersOf(bot)).toEqual([ofBot]);
    expect(await sinceWhen()).toBe(startedAt);
  }, 300_000);

  it('is backed up, lost and restored without touching a bot', async () => {
    const before = await containersOf(bot);
    expect(before).toHaveLength(1);
    await compose.run('stop', '--timeout', '40');
    expect(await containersOf(bot)).toEqual(before);
    for (const volume of ['mongo', 's3'])
      await inVolume(volume, 'tar -czf /backup/$VOLUME.tar.gz -C /data .');
    await compose.run('down', '--volumes');
    for (const volume of ['mongo', 's3']) await inVolume(volume, 'tar -xzf /backup/$VOLUME.tar.gz -C /data');
    await compose.run('up', '--detach');
    await healthy();
    await until(async () => (await theBot()).bot.phase === 'BOT_PHASE_RUNNING', { timeoutMs: 60_000 });
    expect((await theBot()).bot.container).toBe(before[0]);
    expect(await containersOf(bot)).toEqual(before);
    await call('BotService/StopBot', { id: bot, change: { reason: 'the test ends' } });
    await until(async () => (await containersOf(bot)).length === 0, { timeoutMs: 60_000 });
  }, 300_000);
});

/** As the README has it, with an image that is there anyway. */
async function inVolume(volume: string, script: string): Promise<void> {
  await docker(
    ...['run', '--rm', '--env', `VOLUME=${volume}`, '--user', '0', '--entrypoint', 'sh'],
    ...['--volume', `${installation}_${volume}:/data`, '--volume', `${dir}:/backup`],
    ...['python:3.11-slim', '-c', script],
  );
}

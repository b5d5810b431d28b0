import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BotView } from '../../producers/control/bots/view.ts';
import type { RunView } from '../../producers/control/run-list/view.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { shortHash } from '../../infra/engine/names.ts';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';

/** One life of `up`, from a machine without anything to Ctrl-C and back; the steps build on each other. */
const { installation } = testServers();
const dockerHost = testEngine();
let engine: Engine;
let dir = '';
let environment: Record<string, string>;
let up: CliProcess;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'up-'));
  environment = { UP_FILE: join(dir, 'up.json'), INSTALLATION: installation, DOCKER_HOST: dockerHost };
  engine = createDockerEngine({
    installation,
    dockerHost,
    log: createLogger({ level: 'silent', service: 'test' }),
  });
});

afterAll(async () => {
  await up?.[Symbol.asyncDispose]();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const start = (...args: string[]): CliProcess =>
  new CliProcess(['up', '--data', join(dir, 'data'), ...args], environment);

async function bots(): Promise<BotView[]> {
  const { stdout, stderr, code } = await runCli(['bots', '--json'], { UP_FILE: join(dir, 'up.json') });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as BotView[];
}

/** Bots: the example schedule's runs come and go. */
const running = async (): Promise<ContainerView[]> =>
  (await engine.list({ labels: { [LABEL.kind]: 'bot' } })).filter(
    (container) => container.state === 'running',
  );

/** Egress rules of the installation; root alone sees them, and installs them. */
const rules = (): string[] =>
  process.getuid?.() === 0
    ? execFileSync('iptables', ['-w', '10', '-S'])
        .toString()
        .split('\n')
        .filter((rule) => new RegExp(`THE0-(FWD|HOST)-${shortHash(installation)}`).test(rule))
    : [];

describe('up', () => {
  it('brings everything up, deploys the examples and says where to look once they run', async () => {
    up = start();
    const [, count] = await up.says(/All (\d+) example bots run/, 150_000);
    expect(Number(count)).toBeGreaterThanOrEqual(3);
    expect(await running()).toHaveLength(Number(count));
  }, 160_000);

  it('is found by the other commands of its clone', async () => {
    const views = await bots();
    expect(views.length).toBeGreaterThanOrEqual(3);
    for (const view of views) expect(view).toMatchObject({ phase: 'running', enabled: true });
    const containers = new Set((await running()).map((container) => container.id));
    for (const view of views) expect(containers.has(view.container ?? '')).toBe(true);
  });

  it('serves a dashboard that the first token opens, and tells that it is ready', async () => {
    const [, url = ''] = await up.says(/Dashboard +(\S+)/);
    const [, token = ''] = await up.says(/Admin token +(the0_\S+) +of dashboard and API/);
    const [, ready = ''] = await up.says(/Health +(\S+)/);
    expect((await fetch(`${url}/queues/api/queues`)).status).toBe(401);
    const queues = await fetch(`${url}/queues/api/queues`, { headers: { authorization: `Bearer ${token}` } });
    expect(queues.status).toBe(200);
    expect(await queues.text()).toMatch(/"schedule-tick"[^]*"scheduled-run"/);
    expect((await fetch(ready)).status).toBe(200);
  });

  it('shows what an example prints, live, and what it answers and keeps', async () => {
    const found = { UP_FILE: join(dir, 'up.json') };
    const views = await bots();
    const id = views.find(({ name }) => name === 'alerts-on-paper')?.id ?? '';
    await using following = new CliProcess(['logs', id, '-f'], found);
    await following.says(/price/);
    const shown = following.stdout.length;
    await until(() => following.stdout.length > shown, { timeoutMs: 30_000 });

    const answer = await runCli(['query', id, '/info'], found);
    expect(answer).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(answer.stdout)).toHaveProperty('available_queries');
    const [, server = ''] = await up.says(/Queries +(\S+)\/query/);
    const asked = await fetch(`${server}/query`, {
      method: 'POST',
      body: JSON.stringify({ bot_id: id, query_path: '/info' }),
    });
    expect(await asked.json()).toMatchObject({
      status: 'ok',
      data: { available_queries: expect.any(Array) as unknown },
    });

    const state = await runCli(['state', 'list', id, '--json'], found);
    expect(state.code).toBe(0);
  });

  it('refuses to run twice in one clone, and says where it runs', async () => {
    const second = await start().ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`\`up\` runs here already: process ${up.child.pid}`);
  });

  it('takes one more bot, and one less', async () => {
    const example = join(import.meta.dirname, '..', '..', 'examples', 'node-price-alerts');
    const deployed = await runCli(['deploy', example, '--id', 'onemore', '--json'], {
      UP_FILE: join(dir, 'up.json'),
    });
    expect(deployed.code).toBe(0);
    await until(
      async () => (await bots()).some((view) => view.id === 'onemore' && view.phase === 'running'),
      { timeoutMs: 30_000 },
    );
    expect((await runCli(['undeploy', 'onemore'], { UP_FILE: join(dir, 'up.json') })).code).toBe(0);
    await until(async () => (await bots()).every((view) => view.id !== 'onemore'), { timeoutMs: 40_000 });
    await until(
      async () => (await running()).every((container) => container.labels['runtime.id'] !== 'onemore'),
      { timeoutMs: 40_000 },
    );
  });

  it('runs the example schedule, and shows its runs', async () => {
    await up.says(/The example schedule has had its first run/, 100_000);
    const { stdout } = await runCli(['runs', '--state', 'succeeded', '--json'], {
      UP_FILE: join(dir, 'up.json'),
    });
    expect((JSON.parse(stdout) as RunView[])[0]).toMatchObject({ kind: 'tick', exitCode: 0, attempt: 1 });
    const table = await runCli(['schedules'], { UP_FILE: join(dir, 'up.json') });
    expect(table.stdout).toMatch(/rebalance-on-paper +active +\* \* \* \* \* +UTC/);
  });

  it('answers the control API, and shows the first admin’s token once', async () => {
    const [, url = ''] = await up.says(/API +(\S+)/);
    const [, token = ''] = await up.says(/Admin token +(the0_\S+)/);
    const answer = await fetch(`${url}/the0.runtime.v1.InstallationService/GetStats`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: '{}',
    });
    expect(await answer.json()).toMatchObject({
      stats: {
        installation,
        servers: ['mongodb', 'redis', 'nats', 's3', 'engine'].map((name) => ({ name, reachable: true })),
      },
    });
  });

  it('stops bots and servers on Ctrl-C', async () => {
    up.child.kill('SIGINT');
    expect(await up.ended).toMatchObject({ code: 0 });
    expect(await engine.list({ labels: { 'runtime.managed': 'true' } })).toEqual([]);
    expect(rules()).toEqual([]);
    expect(existsSync(join(dir, 'up.json'))).toBe(false);
    expect(
      await runCli(['bots'], { UP_FILE: join(dir, 'up.json'), MONGO_URI: 'mongodb://127.0.0.1:1' }),
    ).toMatchObject({ code: 4 });
  });

  it('starts the same bots again the next time, and no example twice', async () => {
    up = start();
    await up.says(/^Up\./m);
    const views = await until(
      async () => {
        const now = await bots();
        return now.length > 0 && now.every((view) => view.phase === 'running') ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(up.stdout).not.toContain('Admin token');
    expect(views.length).toBe((await running()).length);
    expect(new Set(views.map((view) => view.name)).size).toBe(views.length);
  });

  it('leaves bots running on SIGTERM', async () => {
    const before = await running();
    const filter = rules();
    expect(before.length).toBeGreaterThan(0);
    up.child.kill('SIGTERM');
    expect(await up.ended).toMatchObject({ code: 0 });
    expect((await running()).map((container) => container.id).sort()).toEqual(
      before.map((container) => container.id).sort(),
    );
    expect(rules()).toEqual(filter);
    expect(filter.length > 0).toBe(process.getuid?.() === 0);
  });

  it('adopts them, and leaves them on Ctrl-C too where it is told to', async () => {
    const before = await running();
    up = start('--keep-bots');
    await up.says(/^Up\./m);
    await until(async () => (await bots()).every((view) => view.phase === 'running'), { timeoutMs: 30_000 });
    up.child.kill('SIGINT');
    expect(await up.ended).toMatchObject({ code: 0 });
    expect((await running()).map((container) => container.id).sort()).toEqual(
      before.map((container) => container.id).sort(),
    );
  });
});

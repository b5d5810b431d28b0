import { createServer } from 'node:net';
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';

const servers = testServers();
const dockerHost = testEngine();
const environment = { ...servers.environment, HEALTH_PORT: '0', PROCESSOR_HEALTH_PORT: '0' };

afterAll(async () => {
  const log = createLogger({ level: 'silent', service: 'test' });
  await using engine = createDockerEngine({ installation: servers.installation, dockerHost, log });
  for (const container of await engine.list()) await engine.remove(container.id, { force: true });
  await engine.removeNetwork();
});

type Line = { msg: string; level: string; health?: string } & Record<string, unknown>;
const logOf = (role: CliProcess): Line[] =>
  role.stdout
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Line);

const healthUrl = async (role: CliProcess): Promise<string> =>
  until(() => logOf(role).find((line) => line.health !== undefined)?.health, {
    what: `the address in ${role.stdout}${role.stderr}`,
    timeoutMs: 20_000,
  });

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

describe.each([
  ['bot-runner', ['bot-runner', '--reconcile-interval', '2s']],
  ['processor', ['processor', '--queues', 'start,stop', '--concurrency', '3']],
])('%s', (_name, args) => {
  it('gets ready, shows metrics, and on SIGTERM is not ready at once and ends with 0', async () => {
    await using role = new CliProcess(args, environment);
    const url = await healthUrl(role);
    await until(async () => (await get(`${url}/readyz`)).text === 'ok', {
      timeoutMs: 20_000,
      what: 'readiness',
    });
    expect(await get(`${url}/healthz`)).toEqual({ status: 200, text: 'ok' });
    // A scrape that waits too long for Redis answers without: a process that has just started may be busy with itself.
    const depth = /the0_queue_jobs\{queue="start",state="waiting",service="[a-z-]+"\} \d+/;
    await until(async () => depth.test((await get(`${url}/metrics`)).text), { what: 'the depth of a queue' });
    role.child.kill('SIGTERM');
    const answer = await until(
      () =>
        get(`${url}/readyz`).then(
          (now) => (now.status === 503 ? now.text : undefined),
          (error: unknown) => (role.child.exitCode === 0 ? 'gone' : Promise.reject(error as Error)),
        ),
      { timeoutMs: 1_000, everyMs: 5 },
    );
    expect(['not ready: draining', 'gone', 'not ready: stopped']).toContain(answer);
    expect(await role.ended).toMatchObject({ code: 0 });
  });
});

it('is not ready and says why while a server is away, and alive all the same', async () => {
  await using role = new CliProcess(['bot-runner'], {
    ...environment,
    REDIS_URL: 'redis://127.0.0.1:1',
    INSTALLATION: `t-${randomBytes(4).toString('hex')}`,
  });
  const url = await healthUrl(role);
  await until(async () => (await get(`${url}/readyz`)).status === 503);
  expect((await get(`${url}/healthz`)).text).toBe('ok');
  role.child.kill('SIGTERM');
  expect((await role.ended).code).toBe(0);
});

it('ends at the second signal, whatever still hangs', async () => {
  await using role = new CliProcess(['bot-runner'], { ...environment, MONGO_URI: 'mongodb://127.0.0.1:1' });
  await healthUrl(role);
  role.child.kill('SIGINT');
  await until(() => logOf(role).some((line) => line.msg.startsWith('stopping')));
  const began = performance.now();
  role.child.kill('SIGTERM');
  const { code } = await role.ended;
  expect([0, 143]).toContain(code);
  expect(performance.now() - began).toBeLessThan(2_000);
});

it('names the port that is taken, and the setting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await until(() => other.listening);
  const { port } = other.address() as { port: number };
  const { code, stderr } = await runCli(['bot-runner'], { ...environment, HEALTH_PORT: String(port) });
  expect(code).toBe(1);
  expect(stderr).toContain(
    `Port ${port} of 127.0.0.1 is in use, so the health server cannot listen there: end what uses it, or set HEALTH_PORT to another port`,
  );
  other.close();
});

it('says once that a retired setting has no effect', async () => {
  await using role = new CliProcess(['processor'], {
    ...environment,
    DOCKER_NETWORK: 'the0-oss-network',
    RUNTIME_IMAGE: 'x',
    TEMP_DIR: 'anywhere',
  });
  await healthUrl(role);
  const retired = logOf(role).filter((line) => line.msg === 'a retired setting has no effect');
  expect(retired.map((line) => line['setting'])).toEqual(['DOCKER_NETWORK', 'RUNTIME_IMAGE']);
});

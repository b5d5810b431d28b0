import { randomBytes } from 'node:crypto';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LoginLimiter } from '../../dashboard/login-limiter.ts';
import { startDashboard, type Dashboard } from '../../dashboard/server.ts';
import { createLogger } from '../../infra/logger.ts';
import { createMetrics } from '../../infra/metrics.ts';
import { connectRedis } from '../../infra/redis.ts';
import { QueueMetrics } from '../../queues/metrics.ts';
import { BotQueues, queuePrefix } from '../../queues/queues.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const TOKEN = 'a-token-of-the-tests-0123456789';
const { installation, redisUrl: url } = testServers();
const lines: string[] = [];
const log = createLogger({
  level: 'info',
  service: 'test',
  destination: { write: (line) => lines.push(line) },
});

const redis = connectRedis(url, { role: 'producer', onError: () => undefined });
const workerRedis = connectRedis(url, { role: 'worker', onError: () => undefined });
let queues: BotQueues;
let dashboard: Dashboard;
let worker: Worker | undefined;

beforeAll(async () => {
  await until(() => redis.status === 'ready');
  queues = new BotQueues({ connection: redis, installation, onError: () => undefined });
  dashboard = await start();
});

afterEach(async () => {
  await worker?.close(true);
  worker = undefined;
  lines.length = 0;
});

afterAll(async () => {
  await dashboard.close();
  await Promise.all(Object.values(queues.byName).map((queue) => queue.obliterate({ force: true })));
  await queues.close();
  redis.disconnect();
  workerRedis.disconnect();
});

const start = (limiter?: LoginLimiter): Promise<Dashboard> =>
  startDashboard({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    installation,
    queues: Object.values(queues.byName),
    log,
    ...(limiter === undefined ? {} : { limiter }),
  });

type Call = { method?: string; headers?: Record<string, string>; body?: string; on?: Dashboard };

const call = (
  path: string,
  { method = 'GET', headers = {}, body, on = dashboard }: Call = {},
): Promise<Response> =>
  fetch(`${on.url}${path}`, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) });

const login = (token: string, headers: Record<string, string> = {}, on = dashboard): Promise<Response> =>
  call('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ token, next: '/queues/queue/start' }).toString(),
    on,
  });

async function sessionCookie(): Promise<string> {
  const response = await login(TOKEN, { origin: dashboard.url });
  const [cookie] = (response.headers.get('set-cookie') ?? '').split(';');
  return cookie ?? '';
}

/** A worker of `start` whose handler fails until `works` is set. */
function startWorker(state: { works: boolean; runs: number }): void {
  worker = new Worker(
    'start',
    async () => {
      state.runs += 1;
      if (!state.works) throw new Error('the entry point main.py is not in the archive');
    },
    { connection: workerRedis, prefix: queuePrefix(installation) },
  );
  worker.on('error', () => undefined);
}

async function failedStart(state: { works: boolean; runs: number }): Promise<string> {
  startWorker(state);
  const job = await queues.byName.start.add(
    'start',
    { botId: `bot-${randomBytes(3).toString('hex')}`, cause: 'created' },
    { attempts: 1 },
  );
  await until(() => job.getState().then((now) => now === 'failed'), { what: 'the failure' });
  return String(job.id);
}

describe('the dashboard', () => {
  it('refuses to start without a token, or with one that can be guessed', async () => {
    for (const token of [undefined, '', 'short'])
      await expect(
        startDashboard({ host: '127.0.0.1', port: 0, token, installation, queues: [], log }),
      ).rejects.toThrow(/refuses to start.*DASHBOARD_TOKEN/);
  });

  it('shows nothing without a login: pages lead there, the API says 401', async () => {
    const page = await call('/queues/queue/start', { headers: { accept: 'text/html' } });
    expect(page.status).toBe(303);
    expect(page.headers.get('location')).toBe('/login?next=%2Fqueues%2Fqueue%2Fstart');
    for (const path of ['/queues/api/queues', '/queues/static/js/anything.js', '/nothing'])
      expect((await call(path)).status, path).toBe(path.includes('/api/') ? 401 : 303);
    expect(
      (await call('/queues/api/queues', { headers: { authorization: 'Bearer wrong-wrong-wrong-wrong' } }))
        .status,
    ).toBe(401);
    expect(
      (await call('/queues/api/queues', { headers: { cookie: `the0_session_${dashboard.port}=abc.def` } }))
        .status,
    ).toBe(401);
  });

  it('logs in with the token, and then shows the three queues', async () => {
    const response = await login(TOKEN, { origin: dashboard.url });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/queues/queue/start');
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
    const headers = { cookie: await sessionCookie() };
    const listed = (await (await call('/queues/api/queues', { headers })).json()) as {
      queues: { name: string }[];
    };
    expect(listed.queues.map((queue) => queue.name).sort()).toEqual(['restart', 'start', 'stop']);
    const page = await call('/queues', { headers: { ...headers, accept: 'text/html' } });
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).toContain('<div id="root">');
    expect(html).not.toMatch(/https?:\/\//);
  });

  it('marks the cookie Secure where the browser’s connection is', async () => {
    const response = await login(TOKEN, { 'x-forwarded-proto': 'https' });
    expect(response.headers.get('set-cookie')).toMatch(/; Secure/);
  });

  it('refuses a wrong token, and never logs it', async () => {
    const response = await login('not-the-token-at-all', { origin: dashboard.url });
    expect(response.status).toBe(401);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(lines.join('')).toContain('wrong dashboard token');
    expect(lines.join('')).not.toContain('not-the-token-at-all');
  });

  it('makes a guesser wait, even for the right token, and then lets people in again', async () => {
    let now = 1_000_000;
    await using other = await start(new LoginLimiter({ now: () => now }));
    for (let tries = 0; tries < 5; tries += 1) expect((await login('wrong', {}, other)).status).toBe(401);
    const refused = await login(TOKEN, {}, other);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(
      (await call('/queues/api/queues', { headers: { authorization: `Bearer ${TOKEN}` }, on: other })).status,
    ).toBe(429);
    now += 1_001;
    expect((await login(TOKEN, {}, other)).status).toBe(303);
  });

  it.each(['https://evil.example/x', '//evil.example/x', '/\\evil.example', '/%2e%2e//evil.example'])(
    'never sends a person on to %s',
    async (next) => {
      const response = await call('/login', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token: TOKEN, next }).toString(),
      });
      const location = response.headers.get('location') ?? '';
      expect(new URL(location, dashboard.url).origin).toBe(dashboard.url);
    },
  );

  it('runs a failed start again when it is retried as Bull Board’s page does', async () => {
    const state = { works: false, runs: 0 };
    const id = await failedStart(state);
    state.works = true;
    const response = await call(`/queues/api/queues/start/${id}/retry`, {
      method: 'PUT',
      headers: { cookie: await sessionCookie(), origin: dashboard.url, 'sec-fetch-site': 'same-origin' },
    });
    expect(response.status).toBe(204);
    await until(() => state.runs === 2, { what: 'the second run' });
    await until(async () =>
      (await queues.byName.start.getJob(id))?.getState().then((now) => now === 'completed'),
    );
    expect(lines.join('')).toMatch(/"method":"PUT".*dashboard action/);
  });

  it('runs it again for a program with a bearer token', async () => {
    const state = { works: false, runs: 0 };
    const id = await failedStart(state);
    const response = await call(`/queues/api/queues/start/${id}/retry`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(response.status).toBe(204);
    await until(() => state.runs === 2);
  });

  it('changes nothing without a login, with a wrong token, or for another site’s page', async () => {
    const state = { works: false, runs: 0 };
    const id = await failedStart(state);
    const cookie = await sessionCookie();
    const attempts: [number, Record<string, string>][] = [
      [401, {}],
      [401, { authorization: 'Bearer wrong-wrong-wrong-wrong' }],
      [403, { cookie, origin: 'https://evil.example' }],
      [403, { cookie, origin: `http://127.0.0.1:${dashboard.port + 1}` }],
      [403, { cookie, origin: 'null' }],
      [403, { cookie, 'sec-fetch-site': 'cross-site' }],
      [403, { cookie, 'sec-fetch-site': 'same-site', origin: dashboard.url }],
    ];
    for (const [status, headers] of attempts)
      expect(
        (await call(`/queues/api/queues/start/${id}/retry`, { method: 'PUT', headers })).status,
        JSON.stringify(headers),
      ).toBe(status);
    expect((await login(TOKEN, { origin: 'https://evil.example' })).status).toBe(403);
    expect(state.runs).toBe(1);
    expect(await (await queues.byName.start.getJob(id))?.getState()).toBe('failed');
  });

  it('ends a session at logout', async () => {
    const headers = { cookie: await sessionCookie() };
    expect((await call('/queues/api/queues', { headers })).status).toBe(200);
    expect(
      (await call('/logout', { method: 'POST', headers: { ...headers, origin: dashboard.url } })).status,
    ).toBe(303);
    expect((await call('/queues/api/queues', { headers })).status).toBe(401);
  });

  it('answers bad input without a stack trace', async () => {
    const broken = await call('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"token":',
    });
    expect(broken.status).toBe(400);
    const large = await call('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"token":"${'x'.repeat(10_000)}"}`,
    });
    expect(large.status).toBe(413);
    const unknown = await call('/queues/api/queues/none/1/retry', {
      method: 'PUT',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(unknown.status).toBe(404);
    for (const response of [broken, large, unknown])
      expect(await response.text()).not.toMatch(/node_modules|at .*\.ts/);
  });
});

describe('queue metrics', () => {
  it('shows depth, oldest age and outcomes of each queue', async () => {
    const metrics = createMetrics({ service: 'test' });
    const queueMetrics = new QueueMetrics({
      registry: metrics.registry,
      queues: queues.byName,
      now: () => Date.now() + 60_000,
    });
    const before = await queues.byName.stop.getWaitingCount();
    await queues.add([
      { queue: 'stop', job: { botId: 'metrics-1', cause: 'test' }, urgency: 'resync' },
      { queue: 'stop', job: { botId: 'metrics-2', cause: 'test' }, urgency: 'resync', delayMs: 60_000 },
    ]);
    queueMetrics.count('stop', 'succeeded');
    const { body } = await metrics.render();
    const value = (name: string, labels: string) =>
      Number(new RegExp(`^${name}\\{${labels},service="test"\\} (\\S+)$`, 'm').exec(body)?.[1]);
    expect(value('the0_queue_jobs', 'queue="stop",state="waiting"')).toBe(before + 1);
    expect(value('the0_queue_jobs', 'queue="stop",state="delayed"')).toBe(1);
    expect(value('the0_queue_oldest_age_seconds', 'queue="stop",state="waiting"')).toBeGreaterThanOrEqual(60);
    expect(value('the0_queue_oldest_age_seconds', 'queue="stop",state="active"')).toBe(0);
    expect(value('the0_jobs_total', 'queue="stop",outcome="succeeded"')).toBe(1);
    expect(value('the0_jobs_total', 'queue="start",outcome="failed"')).toBe(0);
    expect(body).toContain('the0_queue_redis_up{service="test"} 1');
  });

  it('answers within a second or so when Redis is away, without stale depths', async () => {
    const away = connectRedis('redis://127.0.0.1:1', { role: 'worker', onError: () => undefined });
    const theirs = new BotQueues({ connection: away, installation, onError: () => undefined });
    const metrics = createMetrics({ service: 'test' });
    new QueueMetrics({ registry: metrics.registry, queues: theirs.byName, timeoutMs: 100 });
    const began = performance.now();
    const { body } = await metrics.render();
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(body).toContain('the0_queue_redis_up{service="test"} 0');
    expect(body).not.toMatch(/^the0_queue_jobs\{/m);
    away.disconnect();
    await theirs.close().catch(() => undefined);
  });
});

import { randomBytes } from 'node:crypto';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ApiQueues } from '../../cli/api/connections.ts';
import { connectRedis } from '../../infra/redis.ts';
import { queuePrefix } from '../../queues/queues.ts';
import { startTestDashboard, type Browser, type TestDashboard } from '../support/dashboard.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

/** Bull Board under the dashboard's login. */
const servers = testServers();
const workerRedis = connectRedis(servers.redisUrl, { role: 'worker', onError: () => undefined });
let dashboard: TestDashboard;
let queues: ApiQueues;
let viewer: Browser;
let operator: Browser;
let programToken: string;
let worker: Worker | undefined;

beforeAll(async () => {
  dashboard = await startTestDashboard(servers.environment);
  queues = await dashboard.connections.queues();
  viewer = await dashboard.browser((await dashboard.token('viewer', { name: 'eve' })).text);
  operator = await dashboard.browser((await dashboard.token('operator', { name: 'olga' })).text);
  programToken = (await dashboard.token('operator', { name: 'script' })).text;
});

afterEach(async () => {
  await worker?.close();
  worker = undefined;
});

afterAll(async () => {
  await Promise.all(Object.values(queues.bots.byName).map((queue) => queue.obliterate({ force: true })));
  workerRedis.disconnect();
  await dashboard.stop();
});

/** A worker of `start` whose handler fails until `works` is set. */
function startWorker(state: { works: boolean; runs: number }): void {
  worker = new Worker(
    'start',
    async () => {
      state.runs += 1;
      if (!state.works) throw new Error('the entry point main.py is not in the archive');
    },
    { connection: workerRedis, prefix: queuePrefix(servers.installation) },
  );
  worker.on('error', () => undefined);
}

async function failedStart(state: { works: boolean; runs: number }, more: object = {}): Promise<string> {
  startWorker(state);
  return await addFailing(more);
}

async function addFailing(more: object = {}): Promise<string> {
  const job = await queues.bots.byName.start.add(
    'start',
    { botId: `bot-${randomBytes(3).toString('hex')}`, cause: 'created', ...more },
    { attempts: 1 },
  );
  await until(() => job.getState().then((now) => now === 'failed'), { what: 'the failure' });
  return String(job.id);
}

const stateOf = (id: string) => queues.bots.byName.start.getJobState(id);
const acts = (target: string) =>
  dashboard.connections.collections.audit.find({ target }).sort({ at: 1 }).toArray();
/** What Bull Board's page sends, with the token that it finds in its cookie. */
const put = (browser: Browser, path: string) =>
  dashboard.call(`/queues/api${path}`, {
    method: 'PUT',
    headers: {
      cookie: browser.cookie,
      origin: dashboard.server.url,
      'x-xsrf-token': browser.csrfToken,
    },
  });

it('shows all queues, from files of ours, under a policy of its own', async () => {
  const page = await operator.get('/queues', 'text/html');
  const html = await page.text();
  expect(html).toContain('<div id="root">');
  expect(html).not.toMatch(/https?:\/\//);
  expect(page.headers.get('content-security-policy')).toMatch(
    /script-src 'self'; style-src 'self' 'unsafe-inline'/,
  );
  expect(page.headers.get('set-cookie')).toBe(
    `XSRF-TOKEN=${operator.csrfToken}; Path=/queues; SameSite=Strict`,
  );
  const { queues: shown } = (await (await operator.get('/queues/api/queues')).json()) as {
    queues: { name: string; readOnlyMode: boolean }[];
  };
  expect(shown.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['start', 'stop', 'restart', 'schedule-tick', 'scheduled-run', 'query']),
  );
  expect(shown.every(({ readOnlyMode }) => !readOnlyMode)).toBe(true);
});

it('is read-only for viewers, on the page and behind it, and what they try is on record', async () => {
  const { queues: shown } = (await (await viewer.get('/queues/api/queues')).json()) as {
    queues: { readOnlyMode: boolean }[];
  };
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
  const state = { works: false, runs: 0 };
  const id = await failedStart(state);
  for (const path of [`/queues/start/${id}/retry`, '/queues/start/clean/failed', '/queues/pause']) {
    const answer = await put(viewer, path);
    expect(answer.status, path).toBe(403);
    expect(await answer.json()).toMatchObject({ error: expect.stringContaining('viewer') as string });
  }
  expect(await stateOf(id)).toBe('failed');
  expect(await queues.bots.byName.start.isPaused()).toBe(false);
  expect(await acts(`start/${id}`)).toMatchObject([
    { who: 'eve', role: 'viewer', what: 'BullBoard/RetryJob', outcome: 'permission_denied' },
  ]);
});

it('runs a failed start again when an operator retries it, and keeps who, what and the outcome', async () => {
  const state = { works: false, runs: 0 };
  const id = await failedStart(state);
  state.works = true;
  expect((await put(operator, `/queues/start/${id}/retry`)).status).toBe(204);
  await until(async () => (await stateOf(id)) === 'completed', { what: 'the second run' });
  expect(state.runs).toBe(2);
  const done = await until(async () => (await acts(`start/${id}`)).find(({ outcome }) => outcome === 'done'));
  expect(done).toMatchObject({
    who: 'olga',
    role: 'operator',
    what: 'BullBoard/RetryJob',
    why: 'in Bull Board',
  });
  await put(operator, '/queues/start/nothing/retry');
  const failed = await until(async () =>
    (await acts('start/nothing')).find(({ outcome }) => outcome !== 'begun'),
  );
  expect(failed).toMatchObject({ outcome: 'not_found' });
});

it('removes a failed job, or all that failed, when an operator says so, and keeps who and what', async () => {
  const state = { works: false, runs: 0 };
  const one = await failedStart(state);
  const others = [await addFailing(), await addFailing()];
  expect((await put(operator, `/queues/start/${one}/clean`)).status).toBe(204);
  expect(await stateOf(one)).toBe('unknown');
  expect(await stateOf(others[0] ?? '')).toBe('failed');
  await until(async () => (await acts(`start/${one}`)).some(({ outcome }) => outcome === 'done'));
  expect(await acts(`start/${one}`)).toMatchObject([
    { who: 'olga', role: 'operator', what: 'BullBoard/RemoveJob', why: 'in Bull Board', outcome: 'done' },
  ]);

  // Bull Board leaves what failed within the last seconds: it was hardly looked at.
  await until(
    async () => {
      expect((await put(operator, '/queues/start/clean/failed')).status).toBe(200);
      return (await queues.bots.byName.start.getFailedCount()) === 0;
    },
    { timeoutMs: 15_000, what: 'no failed job' },
  );
  for (const id of others) expect(await stateOf(id)).toBe('unknown');
  const removals = async () => (await acts('start/failed')).filter(({ who }) => who === 'olga');
  await until(async () => (await removals()).every(({ outcome }) => outcome === 'done'));
  expect((await removals())[0]).toMatchObject({ role: 'operator', what: 'BullBoard/RemoveJobs' });
}, 45_000);

it('does the same for a program with a bearer token', async () => {
  const state = { works: false, runs: 0 };
  const id = await failedStart(state);
  const headers = { authorization: `Bearer ${programToken}` };
  const path = `/queues/api/queues/start/${id}/retry`;
  expect((await dashboard.call(path, { method: 'PUT', headers })).status).toBe(204);
  await until(() => state.runs === 2);
  expect(await acts(`start/${id}`)).toMatchObject([{ who: 'script' }]);
});

it('changes nothing without a login, with a wrong token, without the session’s token, or for another site', async () => {
  const state = { works: false, runs: 0 };
  const id = await failedStart(state);
  const { cookie, headers } = operator;
  const { url } = dashboard.server;
  const attempts: [number, Record<string, string>][] = [
    [401, {}],
    [401, { authorization: 'Bearer wrong-wrong-wrong-wrong' }],
    [403, { cookie, origin: url }],
    [403, { cookie, origin: url, 'x-xsrf-token': viewer.csrfToken }],
    [403, { ...headers, origin: 'https://evil.example' }],
    [403, { ...headers, origin: 'null' }],
    [403, { ...headers, 'sec-fetch-site': 'cross-site' }],
  ];
  for (const [status, each] of attempts) {
    const answer = await dashboard.call(`/queues/api/queues/start/${id}/retry`, {
      method: 'PUT',
      headers: each,
    });
    expect(answer.status, JSON.stringify(each)).toBe(status);
  }
  expect(state.runs).toBe(1);
  expect(await stateOf(id)).toBe('failed');
});

it('lets nobody write jobs or alarms by hand', async () => {
  const state = { works: false, runs: 0 };
  const id = await failedStart(state);
  const attempts = [
    ['POST', '/queues/start/add', 'POST /api/queues/start/add'],
    ['PATCH', `/queues/start/${id}/update-data`, `PATCH /api/queues/start/${id}/update-data`],
    ['PUT', '/queues/start/obliterate', 'PUT /api/queues/start/obliterate'],
  ] as const;
  for (const [method, path, target] of attempts) {
    const answer = await operator.send(
      method,
      `/queues/api${path}`,
      { 'content-type': 'application/json' },
      '{}',
    );
    expect(answer.status, path).toBe(403);
    expect(await acts(target)).toMatchObject([{ who: 'olga', what: 'BullBoard/Other' }]);
  }
  expect(await stateOf(id)).toBe('failed');
});

it('shows who and why of a job, and nothing else that somebody put there', async () => {
  const id = await failedStart({ works: false, runs: 0 }, { config: { key: 'canary-secret' } });
  for (const path of [`/queues/api/queues/start/${id}`, '/queues/api/queues?activeQueue=start']) {
    const text = await (await viewer.get(path)).text();
    expect(text).toContain('"cause":"created"');
    expect(text).toContain('"hidden":["config"]');
    expect(text).not.toContain('canary-secret');
  }
});

import { createServer } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiQueues } from '../../cli/api/connections.ts';
import { closeServer, listen } from '../../infra/listen.ts';
import { connectRedis } from '../../infra/redis.ts';
import { queuePrefix } from '../../queues/queues.ts';
import { launchBrowser, openPage } from '../support/browser.ts';
import { startTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

/** The login, the session and Bull Board as people meet them, in a real browser. */
const servers = testServers();
const HOSTILE = '<img src=x onerror="document.title=`pwned`"><script>alert(1)</script>';
let dashboard: TestDashboard;
let queues: ApiQueues;
let browser: Browser;
let url: string;

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([startTestDashboard(servers.environment), launchBrowser()]);
  queues = await dashboard.connections.queues();
  ({ url } = dashboard.server);
});

afterAll(async () => {
  await browser.close();
  await Promise.all(Object.values(queues.bots.byName).map((queue) => queue.obliterate({ force: true })));
  await dashboard.stop();
});

async function logIn(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(`${url}${path}`);
  await page.getByLabel('Access token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(`${url}${path}`);
}

const statusOf = (page: Page, path: string): Promise<number> =>
  page.evaluate(async (asked) => (await fetch(asked)).status, path);

/** What only our own pages know of the session. */
const csrfOf = (page: Page): Promise<string> =>
  page.evaluate(async () => ((await (await fetch('/session')).json()) as { csrfToken: string }).csrfToken);

/** A start that has failed, and will not again. */
async function failedStart(botId: string): Promise<string> {
  const connection = connectRedis(servers.redisUrl, { role: 'worker', onError: () => undefined });
  const job = await queues.bots.byName.start.add('start', { botId, cause: 'created' }, { attempts: 1 });
  const worker = new Worker(
    'start',
    () => Promise.reject(new Error('the entry point main.py is not in the archive')),
    { connection, prefix: queuePrefix(servers.installation) },
  );
  worker.on('error', () => undefined);
  await until(async () => (await job.getState()) === 'failed', { what: 'the failure', timeoutMs: 20_000 });
  await worker.close(true);
  connection.disconnect();
  return String(job.id);
}

/** A browser gives a page's field the focus when it first draws the page, which may be after it was loaded: keys before that are lost. */
const isFocused = (page: Page): Promise<void> => page.locator('#token:focus').waitFor();

it('lets a person in by keyboard, after a mistake that it tells', async () => {
  const { page, troubles } = await openPage(browser, { viewport: { width: 360, height: 640 } });
  await page.goto(`${url}/bots/some?tab=log`);
  expect(new URL(page.url()).pathname).toBe('/login');
  await isFocused(page);
  await page.keyboard.type('the0_wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').textContent()).toMatch(/^That is no token/);
  const field = page.getByLabel('Access token');
  expect(await field.getAttribute('aria-invalid')).toBe('true');
  expect(await field.inputValue()).toBe('');
  // At phone width nothing is cut off.
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  await isFocused(page);
  await page.keyboard.type((await dashboard.token('viewer')).text);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${url}/bots/some?tab=log`);
  expect(troubles).toEqual([]);
  await page.context().close();
});

it('logs out, after which neither the back button nor another tab shows anything', async () => {
  const { page } = await openPage(browser);
  await logIn(page, (await dashboard.token('viewer')).text, '/runs');
  const other = await page.context().newPage();
  await other.goto(`${url}/bots`);
  await page.goto(`${url}/logout`);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(`${url}/login`);
  await page.goto(`${url}/runs`);
  expect(new URL(page.url()).pathname).toBe('/login');
  expect(await statusOf(other, '/session')).toBe(401);
  await page.context().close();
});

it('ends a page whose token expires meanwhile, says so, and goes on from there after the next login', async () => {
  const { page } = await openPage(browser);
  const { text, id } = await dashboard.token('operator');
  await logIn(page, text, '/bots/one');
  const csrf = await csrfOf(page);
  await dashboard.connections.collections.apiTokens.updateOne(
    { _id: id },
    { $set: { expiresAt: new Date() } },
  );
  await until(async () => (await statusOf(page, '/session')) === 401, { timeoutMs: 10_000 });
  const changed = await page.evaluate(async (token) => {
    const response = await fetch('/api/the0.runtime.v1.BotService/StopBot', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-csrf-token': token },
      body: JSON.stringify({ id: 'one', change: { reason: 'a test' } }),
    });
    return response.status;
  }, csrf);
  expect(changed).toBe(401);
  await page.goto(`${url}/bots/one`);
  expect(await page.getByText('Your session has ended').isVisible()).toBe(true);
  await page.getByLabel('Access token').fill((await dashboard.token('operator')).text);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(`${url}/bots/one`);
  await page.context().close();
});

it('lets no other site’s page do anything in a person’s name', async () => {
  const id = await failedStart('forged');
  const { page } = await openPage(browser);
  await logIn(page, (await dashboard.token('admin')).text);
  const evil = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post" action="${url}/logout"><button>Win</button></form>`);
  });
  // Another port of the same host is the same site, so the browser sends the cookie along.
  const { port } = await listen(evil, {
    what: 'evil page',
    host: '127.0.0.1',
    port: 0,
    hostSetting: '',
    portSetting: '',
  });
  const tab = await page.context().newPage();
  await tab.goto(`http://127.0.0.1:${port}/`);
  const asked = [
    ['PUT', `/queues/api/queues/start/${id}/retry`],
    ['POST', '/api/the0.runtime.v1.InstallationService/WhoAmI'],
    ['POST', '/logout'],
  ] as const;
  for (const [method, path] of asked) {
    const outcome = await tab.evaluate(
      async ([how, where]) => {
        const options = {
          method: how,
          credentials: 'include',
          mode: how === 'POST' ? 'no-cors' : 'cors',
        } as const;
        return fetch(where, options).then(
          (response) => response.type,
          () => 'refused',
        );
      },
      [method, `${url}${path}`] as const,
    );
    expect(['opaque', 'refused'], `${method} ${path}`).toContain(outcome);
  }
  const [answer] = await Promise.all([
    tab.waitForResponse(`${url}/logout`),
    tab.getByRole('button', { name: 'Win' }).click(),
  ]);
  expect(answer.status()).toBe(403);
  expect(await statusOf(page, '/session')).toBe(200);
  expect(await queues.bots.byName.start.getJobState(id)).toBe('failed');
  await closeServer(evil);
  await page.context().close();
});

it('shows hostile names as what they are, on every page', async () => {
  const { page, troubles } = await openPage(browser);
  const id = await failedStart(HOSTILE);
  const { text } = await dashboard.token('viewer', { name: HOSTILE.slice(0, 100) });
  await logIn(page, text, '/runs');
  await page.goto(`${url}/logout`);
  expect(await page.getByRole('heading').textContent()).toContain('<img src=x onerror=');
  await page.goto(`${url}/`);
  await page.locator('h1').first().waitFor({ timeout: 30_000 });
  await page.goto(`${url}/queues/queue/start/${id}?status=failed`);
  await page.getByText('Data', { exact: true }).click({ timeout: 40_000 });
  await page.getByText('<img src=x onerror=').first().waitFor();
  expect(await page.title()).not.toBe('pwned');
  expect(troubles).toEqual([]);
  await page.context().close();
});

it('shows a viewer Bull Board without anything that changes, and an operator retries there', async () => {
  const id = await failedStart('retried');
  const all = /^(Retry|Clean) all$/i;
  const list = '/queues/queue/start?status=failed';
  const viewer = await openPage(browser);
  await logIn(viewer.page, (await dashboard.token('viewer')).text, list);
  await viewer.page.getByText(`#${id}`, { exact: true }).waitFor({ timeout: 40_000 });
  expect(await viewer.page.getByRole('button', { name: all }).count()).toBe(0);
  const csrf = await csrfOf(viewer.page);
  const forced = await viewer.page.evaluate(
    async ([path, token]) =>
      (await fetch(path, { method: 'PUT', headers: { 'x-csrf-token': token } })).status,
    [`/queues/api/queues/start/${id}/retry`, csrf] as const,
  );
  expect(forced).toBe(403);
  await viewer.page.context().close();

  const { page, troubles } = await openPage(browser);
  const { text, id: tokenId } = await dashboard.token('operator');
  await logIn(page, text, list);
  await page.getByRole('button', { name: all }).first().waitFor({ timeout: 40_000 });
  await page.goto(`${url}/queues/queue/start/${id}?status=failed`);
  // Its buttons have pictures for names: retry is the first of the four before what tells of the job.
  await page
    .locator('xpath=//button[normalize-space()="Error"]/preceding::button[4]')
    .click({ timeout: 40_000 });
  await page.getByRole('button', { name: 'Confirm' }).click();
  await until(async () => (await queues.bots.byName.start.getJobState(id)) === 'waiting', {
    timeoutMs: 10_000,
  });
  const act = await until(() =>
    dashboard.connections.collections.audit.findOne({ target: `start/${id}`, outcome: 'done' }),
  );
  expect(act).toMatchObject({ tokenId, what: 'BullBoard/RetryJob' });
  expect(troubles).toEqual([]);
  await page.context().close();
});

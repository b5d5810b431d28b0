import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { faultsOf } from './axe.ts';
import { PAGES, settled } from './pages.ts';
import { SCRIPT } from './seed.ts';
import { CHATTY, CRASHING, HOSTILE } from './seed-names.ts';
import { DONE_RUN } from './seed-schedules.ts';
import { startWorld, type World } from './world.ts';

/** All pages, for everybody, and whatever they are shown. */
let world: World;

beforeAll(async () => {
  world = await startWorld(testServers().environment);
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

/** Wide and light, narrow and dark: with all rules each. */
const VIEWS = [
  ['light', 1440],
  ['dark', 390],
] as const;

describe('each page', () => {
  it.each(VIEWS)(
    'has nothing serious against it, in %s and %i wide',
    async (scheme, width) => {
      const { page, context, faults } = await world.open('operator', { scheme, width });
      const found: string[] = [];
      for (const { name, path } of PAGES) {
        await page.goto(`${world.dashboard.server.url}${path}`);
        await settled(page);
        found.push(...(await faultsOf(page, name)));
      }
      expect(found).toEqual([]);
      expect(faults).toEqual([]);
      await context.close();
    },
    60_000,
  );

  it.each(VIEWS)(
    'nor have login, logout, a dialogue and the menu, in %s and %i wide',
    async (scheme, width) => {
      const { page, context, faults } = await world.open('operator', { scheme, width });
      const { url } = world.dashboard.server;
      const found: string[] = [];
      await page.goto(`${url}/bots/${CRASHING}`);
      await settled(page);
      const menu = page.getByRole('button', { name: 'Menu' });
      if (await menu.isVisible()) {
        await menu.click();
        await page.getByRole('navigation', { name: 'Pages' }).waitFor();
        found.push(...(await faultsOf(page, 'menu')));
        await menu.click();
      }
      await page.getByRole('button', { name: 'Restart', exact: true }).click();
      await page.getByRole('dialog').waitFor();
      found.push(...(await faultsOf(page, 'dialogue')));
      await page.goto(`${url}/logout`);
      found.push(...(await faultsOf(page, 'logout')));
      await context.close();
      const stranger = await world.browser.newContext({
        colorScheme: scheme,
        viewport: { width, height: 844 },
      });
      const door = await stranger.newPage();
      await door.goto(`${url}/login`);
      found.push(...(await faultsOf(door, 'login')));
      await door.fill('#token', 'no token at all');
      await door.press('#token', 'Enter');
      await door.getByRole('alert').waitFor();
      found.push(...(await faultsOf(door, 'login with an alert')));
      await stranger.close();
      expect(found).toEqual([]);
      expect(faults).toEqual([]);
    },
  );
});

describe('HTML, scripts and ANSI', () => {
  it('in names, reasons, logs and results are text', async () => {
    const { page, context, faults } = await world.open('operator');
    for (const path of [
      '/',
      '/bots?q=onerror',
      `/bots/${HOSTILE}`,
      `/bots/${HOSTILE}/log`,
      `/runs/${encodeURIComponent(DONE_RUN)}`,
    ]) {
      await page.goto(`${world.dashboard.server.url}${path}`);
      await settled(page);
      if (path !== `/runs/${encodeURIComponent(DONE_RUN)}`) await page.getByText(SCRIPT).first().waitFor();
      expect(await page.evaluate('window.pwned')).toBeUndefined();
      expect(await page.locator('main img, main script, main b[onclick]').count()).toBe(0);
    }
    await page.goto(`${world.dashboard.server.url}/bots/${HOSTILE}/log`);
    await page.locator('.ansi-1', { hasText: 'red' }).waitFor();
    expect(await page.locator('.log-box').textContent()).not.toContain('title');
    expect(faults).toEqual([]);
    await context.close();
  });
});

describe('times', () => {
  it('are right though the browser’s clock is a day off, in its zone and UTC', async () => {
    const { page, context } = await world.open('viewer', { zone: 'Asia/Kathmandu' });
    await page.clock.install({ time: Date.now() - 86_400_000 });
    await page.goto(`${world.dashboard.server.url}/bots/${CRASHING}`);
    const started = await world.dashboard.connections.collections.status.findOne({ _id: CRASHING });
    const since = started?.since ?? new Date(0);
    const time = page.locator('.facts time').first();
    await time.waitFor();
    const local = since.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kathmandu', hourCycle: 'h23' });
    await until(async () => (await time.textContent())?.endsWith(local));
    expect(await time.getAttribute('title')).toBe(
      `${since.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    );
    await page.goto(`${world.dashboard.server.url}/bots?q=${CRASHING}`);
    await until(async () =>
      /^\d+ (s|min) ago$|^now$/.test((await page.locator('.c-when time').first().textContent()) ?? ''),
    );
    await context.close();
  });
});

describe('the API, away and back while a page is open', () => {
  it('is told, what was seen stays, and all goes on by itself', async () => {
    await using proxy = await FaultProxy.start(Number(new URL(world.dashboard.server.url).port));
    const context = await world.browser.newContext();
    const page = await context.newPage();
    const url = `http://127.0.0.1:${proxy.port}`;
    await page.goto(`${url}/login?next=/bots`);
    await page.fill('#token', (await world.dashboard.token('viewer')).text);
    await page.press('#token', 'Enter');
    await page.getByRole('row').nth(3).waitFor();
    proxy.cut();
    await page.locator('.banner.away').waitFor();
    expect(await page.getByRole('row').count()).toBeGreaterThan(5);
    proxy.heal();
    // It tries by itself, too, and where that comes first there is no button any more.
    const back = page.locator('.banner.back');
    await page.getByRole('button', { name: 'Try now' }).or(back).first().click();
    await back.waitFor();
    expect(await page.locator('.banner.away').count()).toBe(0);
    await world.dashboard.connections.collections.status.updateOne(
      { _id: CHATTY },
      {
        $set: {
          phase: 'failed',
          reason: 'changed after the break',
          since: new Date(),
          updatedAt: new Date(),
        },
      },
    );
    await page.getByText('changed after the break').waitFor();
    await context.close();
  });

  it('shows what changed after it was read and before the stream began', async () => {
    const { page, context } = await world.open('viewer');
    const gate = Promise.withResolvers<void>();
    await page.route('**/*StreamEvents', async (route) => {
      await gate.promise;
      await route.continue();
    });
    const { status } = world.dashboard.connections.collections;
    const reason = (await status.findOne({ _id: CRASHING }))?.reason ?? '';
    await page.goto(`${world.dashboard.server.url}/bots/${CRASHING}`);
    await page.getByText(reason).first().waitFor();
    await status.updateOne({ _id: CRASHING }, { $set: { reason: 'changed between reading and stream' } });
    gate.resolve();
    await page.getByText('changed between reading and stream').first().waitFor();
    await status.updateOne({ _id: CRASHING }, { $set: { reason } });
    await context.close();
  });

  it('says that a session is over, and leaves what was seen', async () => {
    const token = await world.dashboard.token('viewer');
    const context = await world.browser.newContext();
    const page = await context.newPage();
    await page.goto(`${world.dashboard.server.url}/login?next=/bots`);
    await page.fill('#token', token.text);
    await page.press('#token', 'Enter');
    await page.getByRole('row').nth(3).waitFor();
    await world.dashboard.connections.collections.apiTokens.updateOne(
      { _id: token.id },
      { $set: { revokedAt: new Date() } },
    );
    await page.getByRole('link', { name: 'Log in again' }).waitFor({ timeout: 20_000 });
    expect(await page.getByRole('row').count()).toBeGreaterThan(3);
    await context.close();
  });
});

describe('a log of a million lines', () => {
  it('is there at once, scrolls, and is searched', async () => {
    const { page, context } = await world.open('viewer', { path: `/bots/${CHATTY}/log` });
    await page.getByText('the last line of a million').waitFor();
    const before = await page.locator('.log-state').textContent();
    await page.getByRole('button', { name: 'Show earlier lines' }).click();
    await until(async () => (await page.locator('.log-state').textContent()) !== before);
    expect(await page.locator('.log-line').count()).toBeLessThan(100);
    await page.getByLabel('Search the log').fill('the last line of a million');
    await until(async () => (await page.locator('.log-line').count()) === 1, { timeoutMs: 20_000 });
    await context.close();
  });
});

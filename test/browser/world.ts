import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Role } from '../../model/access.ts';
import { launchBrowser } from '../support/browser.ts';
import { startTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { seed } from './seed.ts';

export type World = AsyncDisposable & {
  dashboard: TestDashboard;
  browser: Browser;
  /** A page of a browser of its own, logged in. Its errors are in `faults`. */
  open(role: Role, options?: OpenOptions): Promise<OpenPage>;
};

export type OpenOptions = {
  path?: string;
  width?: number;
  height?: number;
  scheme?: 'light' | 'dark';
  zone?: string;
};
/** `faults`: what the browser complained of: scripts that failed, what the policy refused. */
export type OpenPage = { page: Page; context: BrowserContext; faults: string[] };

/** Names of tokens, as the pages show them. */
const NAMES: Readonly<Record<Role, string>> = { viewer: 'vic', operator: 'ann', admin: 'ada' };

/** The controller on real servers with a seeded fleet, and a browser. */
export async function startWorld(environment: Readonly<Record<string, string>>): Promise<World> {
  const dashboard = await startTestDashboard(environment);
  const { collections, settings } = dashboard.connections;
  const [browser] = await Promise.all([
    launchBrowser(),
    seed({ all: collections, settings, nowMs: Date.now() }),
  ]);
  const tokens = new Map<Role, string>();
  const open: World['open'] = async (role, options = {}) => {
    const { path = '/', width = 1440, height = 900, scheme = 'light', zone = 'Europe/Berlin' } = options;
    const token = tokens.get(role) ?? (await dashboard.token(role, { name: NAMES[role] })).text;
    tokens.set(role, token);
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      timezoneId: zone,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // The browser itself notes each answer that is no success.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        faults.push(message.text());
    });
    await page.goto(`${dashboard.server.url}/login?next=${encodeURIComponent(path)}`);
    await page.fill('#token', token);
    await page.press('#token', 'Enter');
    await page.locator('main h1').waitFor();
    return { page, context, faults };
  };
  return {
    dashboard,
    browser,
    open,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await dashboard.stop();
    },
  };
}

import type { Page } from 'playwright-core';
import { pause } from '../../infra/pause.ts';
import { launchBrowser } from '../support/browser.ts';
import { startTestDashboard } from '../support/dashboard.ts';
import { seedFleet } from '../support/api-fleet.ts';
import { until } from '../support/poll.ts';
import { PrintingBots } from '../support/printing-log.ts';
import { median, type Bench, type Figure } from './harness/index.ts';

const BOTS = 10_000;
const VIEWS = 5;
const SCROLLS = 120;
const LINES_A_SECOND = 1_000;
const LOG_SECONDS = 10;
const LONG_TASK_MS = 50;

/** In each page before its own scripts: when the first rows and counts are on the screen, and every task that is too long. */
const WATCH = `
  window.seen = {};
  window.tasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.tasks.push(duration);
  }).observe({ type: 'longtask', buffered: true });
  new MutationObserver(() => {
    const note = (name, selector) => {
      if (window.seen[name] !== undefined || document.querySelector(selector) === null) return;
      window.seen[name] = 0;
      requestAnimationFrame(() => setTimeout(() => (window.seen[name] = performance.now())));
    };
    note('table', '[data-row]');
    note('counts', '.phases strong');
  }).observe(document, { childList: true, subtree: true });
`;

export const bench: Bench = {
  name: 'dashboard',
  goal: `in a browser, ${BOTS} bots: first view ≤ 1 s; scroll, search and a log of ${LINES_A_SECOND} lines a second without tasks over ${LONG_TASK_MS} ms`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 'nats', 's3');
    const dashboard = await startTestDashboard(servers.environment);
    context.atEnd('the dashboard', () => dashboard.stop());
    const fleet = await seedFleet(dashboard.connections.collections, BOTS);
    const browser = await launchBrowser();
    context.atEnd('the browser', () => browser.close());
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript(WATCH);
    const { url } = dashboard.server;
    await page.goto(`${url}/login?next=/bots`);
    await page.fill('#token', (await dashboard.token('operator')).text);
    await page.press('#token', 'Enter');
    await page.locator('[data-row]').first().waitFor();

    const table = await firstViews(page, `${url}/bots`, 'table', context.signal);
    const counts = await firstViews(page, `${url}/`, 'counts', context.signal);
    const { wholeMs, tasks: loading } = await wholeFleet(page, `${url}/bots`);
    const scrolling = await during(page, () => scroll(page));
    const searching = await during(page, () => search(page));
    const bots = await PrintingBots.open(servers, dashboard.connections.settings);
    context.atEnd('the bots that print', () => bots[Symbol.asyncDispose]());
    const logging = await followLog(page, url, fleet.ids[0] ?? '', bots, context.signal);
    const atMost = (limit: number) => ({ limit: { atMost: limit } });
    const longest = (name: string, tasks: number[]): Figure => ({
      name: `longest task, ${name}`,
      value: Math.max(0, ...tasks),
      unit: 'ms',
      runs: tasks,
      ...atMost(LONG_TASK_MS),
    });
    return [
      { name: 'first rows of the table', value: median(table), unit: 'ms', runs: table, ...atMost(1_000) },
      {
        name: 'first counts of the fleet',
        value: median(counts),
        unit: 'ms',
        runs: counts,
        ...atMost(1_000),
      },
      { name: 'all bots read', value: wholeMs, unit: 'ms', runs: [wholeMs] },
      longest('while all are read', loading),
      longest('scrolling', scrolling),
      longest('searching', searching),
      longest('live log', logging.tasks),
      {
        name: 'live log, lines shown of those printed',
        value: logging.share,
        unit: 'share',
        runs: [logging.share],
        limit: { atLeast: 1 },
      },
      {
        name: 'live log, answer to a click',
        value: logging.clickMs,
        unit: 'ms',
        runs: [logging.clickMs],
        ...atMost(200),
      },
    ];
  },
};

async function firstViews(page: Page, url: string, what: string, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < VIEWS; at += 1) {
    signal.throwIfAborted();
    await page.goto(url);
    times.push(await until(() => page.evaluate<number>(`window.seen.${what} ?? 0`)));
  }
  return times;
}

async function wholeFleet(page: Page, url: string): Promise<{ wholeMs: number; tasks: number[] }> {
  await page.goto(url);
  const loaded = 'performance.getEntriesByName("fleet-loaded")[0]?.duration ?? 0';
  const wholeMs = await until(() => page.evaluate<number>(loaded), { timeoutMs: 60_000 });
  return { wholeMs, tasks: await page.evaluate<number[]>('window.tasks') };
}

/** Tasks of over 50 ms while something is done: the browser tells of no others. */
async function during(page: Page, act: () => Promise<void>): Promise<number[]> {
  await page.evaluate('void (window.tasks = [])');
  await act();
  await page.waitForTimeout(300);
  return page.evaluate<number[]>('window.tasks');
}

async function scroll(page: Page): Promise<void> {
  await page.mouse.move(800, 500);
  for (let at = 0; at < SCROLLS; at += 1) await page.mouse.wheel(0, at % 40 === 39 ? -90_000 : 1_700);
}

async function search(page: Page): Promise<void> {
  await page.keyboard.press('/');
  for (const text of ['strategy 42', 'exit code', 'nodejs20 strategy-7']) {
    await page.keyboard.type(text, { delay: 30 });
    for (const _ of text) await page.keyboard.press('Backspace', { delay: 10 });
  }
}

async function followLog(page: Page, url: string, id: string, bots: PrintingBots, signal: AbortSignal) {
  await page.goto(`${url}/bots/${id}/log`);
  await page.getByText('Live').waitFor();
  await page.evaluate('void (window.tasks = [])');
  const batch = 20;
  let printed = 0;
  while (printed < LOG_SECONDS * LINES_A_SECOND) {
    const lines = Array.from({ length: batch }, () => {
      printed += 1;
      return JSON.stringify({ level: 'info', message: `line ${printed} of a bot that floods` });
    });
    bots.print(id, ...lines);
    await pause((1_000 * batch) / LINES_A_SECOND, signal);
  }
  const shown = (): Promise<number> =>
    page.evaluate<number>('Number(document.querySelector(".log-state").dataset.lines)');
  await until(async () => (await shown()) >= printed, { timeoutMs: 10_000 }).catch(() => undefined);
  const share = (await shown()) / printed;
  const begunMs = performance.now();
  await page.getByRole('button', { name: 'warn', exact: true }).click();
  await page.locator('.chip.level-warn[aria-pressed="true"]').waitFor();
  const clickMs = performance.now() - begunMs;
  return { tasks: await page.evaluate<number[]>('window.tasks'), clickMs, share };
}

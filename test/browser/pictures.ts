import type { BrowserContext, Page } from 'playwright-core';
import { PAGES, settled } from './pages.ts';
import { CRASHING, WELL } from './seed-names.ts';
import { SECONDLY } from './seed-schedules.ts';

/** What is pictured: where, and what is done there before. */
export type Picture = {
  name: string;
  path: string;
  /** Without a session. */
  isOutside?: true;
  /** Of a picture of so many small things that it would be too big. */
  quality?: number;
  act?: (page: Page) => Promise<void>;
};

const ANSWER = {
  data: {
    positions: [
      { pair: 'BTC/USD', size: 0.75, entry: 41_870.5, pnl: 412.9 },
      { pair: 'ETH/USD', size: -2, entry: 2_268.1, pnl: -38.2 },
    ],
    equity: 25_374.7,
  },
  took: '0.042s',
};
const INFO = { data: { available_queries: ['/health', '/info', '/portfolio', '/trades'] }, took: '0.009s' };

/** Answers of a bot's query program, which seeded bots have none of. */
export const answerQueries = (context: BrowserContext): Promise<unknown> =>
  context.route('**/api/the0.runtime.v1.QueryService/Query', (route) => {
    const { path } = route.request().postDataJSON() as { path: string };
    return route.fulfill({ json: path === '/info' ? INFO : ANSWER });
  });

const OTHERS: readonly Picture[] = [
  { name: 'login', path: '/login', isOutside: true },
  { name: 'queues', path: '/queues/queue/start?status=failed' },
  {
    name: 'dialog',
    path: `/bots/${CRASHING}`,
    act: async (page) => {
      await page.getByRole('button', { name: 'Restart', exact: true }).click();
      await page.getByRole('dialog').getByRole('textbox').fill('the order book is filled again');
    },
  },
  {
    name: 'bot-query',
    path: `/bots/${WELL}/query`,
    act: async (page) => {
      await page.getByLabel('Path').fill('/portfolio');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await page.getByRole('button', { name: '/trades' }).waitFor();
    },
  },
];

export const PICTURES: readonly Picture[] = [
  ...PAGES.filter(({ name }) => !OTHERS.some((other) => other.name === name)),
  ...OTHERS,
];

/** Of a schedule whose records would be all that is seen of others' pages: it is seeded, and pictured, last. */
export const LAST_PICTURES: readonly Picture[] = [
  { name: 'schedule-hour', path: `/schedules/${SECONDLY}`, quality: 45 },
];

/** Until the page is as it stays. */
export async function ready(page: Page, { path, isOutside, act }: Picture): Promise<void> {
  if (isOutside === true) await page.locator('#token').waitFor();
  else if (path.startsWith('/queues')) await page.getByText('main.py').first().waitFor();
  else await settled(page);
  await act?.(page);
  // Charts and the newest line of a log are drawn a moment after what they show is there.
  await page.waitForTimeout(400);
}

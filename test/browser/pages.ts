import type { Page } from 'playwright-core';
import { until } from '../support/poll.ts';
import { CRASHING, WELL } from './seed-names.ts';
import { DONE_RUN, HOURLY, MINUTELY } from './seed-schedules.ts';

/** Every page, as it is tested and as it is in the docs. */
export const PAGES: readonly { name: string; path: string }[] = [
  { name: 'fleet', path: '/' },
  { name: 'bots', path: '/bots' },
  { name: 'bot-story', path: `/bots/${CRASHING}` },
  { name: 'bot-log', path: `/bots/${CRASHING}/log` },
  { name: 'bot-usage', path: `/bots/${WELL}/usage` },
  { name: 'bot-state', path: `/bots/${WELL}/state` },
  { name: 'bot-query', path: `/bots/${WELL}/query` },
  { name: 'schedules', path: '/schedules' },
  { name: 'schedule-month', path: `/schedules/${HOURLY}` },
  { name: 'schedule-day', path: `/schedules/${MINUTELY}` },
  { name: 'runs', path: '/runs' },
  { name: 'run', path: `/runs/${encodeURIComponent(DONE_RUN)}` },
  { name: 'audit', path: '/audit' },
  { name: 'system', path: '/system' },
];

/** Until what the page asks for is there, or is told to be missing. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor();
  // A fleet is read a page at a time, and what is there is shown meanwhile.
  const waiting = page.locator('.placeholder').or(page.getByText(/ bots? read …$/));
  await until(async () => (await waiting.count()) === 0, {
    timeoutMs: 30_000,
    what: 'a page that has all it asked for',
  });
}

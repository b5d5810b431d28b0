import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { faultsOf } from './axe.ts';
import { settled } from './pages.ts';
import { MINUTELY, SECONDLY, seedSecondly, tickSecondly } from './seed-schedules.ts';
import { startWorld, type World } from './world.ts';

/** A calendar of ticks where there are more than can be shown, and where they come all the time. */
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const TICKS = 8;
/** What all tests here take together, and more. */
const LOOKING_MS = 180_000;
/** How many elements of the calendar were put in, taken out or changed since this was run. */
const COUNT_CHANGES = `
  window.changed = 0;
  new MutationObserver((records) => (window.changed += records.length)).observe(
    document.querySelector('.calendar'),
    { subtree: true, childList: true, attributes: true, characterData: true },
  );
`;
/** A cell comes, its mark and words change, the place of now may move on: not the thousands beside it. */
const CHANGES_A_TICK = 30;
let world: World;

beforeAll(async () => {
  world = await startWorld(testServers().environment);
  const intoHourMs = Date.now() % HOUR_MS;
  // The hour that is shown must not end while somebody looks, nor begin the last minute of a day before its next tick is shown.
  if (HOUR_MS - intoHourMs < LOOKING_MS) await pause(HOUR_MS - intoHourMs);
}, 320_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

describe('a schedule of each second', () => {
  it('is shown a tick at a time: what is drawn stays, and no list is read again', async () => {
    const { collections } = world.dashboard.connections;
    const nowMs = Math.floor(Date.now() / SECOND_MS) * SECOND_MS;
    const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    // As the hour is at its end; the ticks of the test come where it has a gap. More than is held at once lies before.
    await seedSecondly(collections, { fromMs: hourMs - 2 * HOUR_MS, toMs: nowMs, nowMs });
    const { page, context, faults } = await world.open('operator');
    const lists: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('ListRuns')) lists.push(request.postData() ?? '');
    });
    await page.goto(`${world.dashboard.server.url}/schedules/${SECONDLY}`);
    await settled(page);
    const cells = page.locator('.calendar.hour a.cell');
    await until(async () => (await cells.count()) >= (nowMs - hourMs) / SECOND_MS);
    await page.waitForTimeout(2_000);
    lists.length = 0;
    await page.evaluate(COUNT_CHANGES);
    const before = await cells.count();
    const last = { id: '' };
    for (let tick = 0; tick < TICKS; tick += 1) {
      last.id = await tickSecondly(collections, nowMs + tick * SECOND_MS);
      await page.waitForTimeout(SECOND_MS);
    }
    const newest = page.locator(`.calendar a.cell[href="/runs/${encodeURIComponent(last.id)}"]`);
    await newest.waitFor();
    await until(async () => (await newest.getAttribute('aria-label'))?.endsWith('succeeded'));
    expect(await cells.count()).toBe(before + TICKS);
    expect(await page.evaluate<number>('window.changed')).toBeLessThan(TICKS * CHANGES_A_TICK);
    expect(lists).toEqual([]);
    expect(await faultsOf(page, 'the hour')).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it('says what of a day is not shown, and where to see it', async () => {
    // Where it is afternoon: a day that has just begun does not hold that much.
    const zone = new Date().getUTCHours() < 12 ? 'Etc/GMT-12' : 'UTC';
    const { page, context } = await world.open('viewer', { path: `/schedules/${SECONDLY}`, zone });
    await page.getByRole('button', { name: 'day', exact: true }).click();
    await page.getByText(/Shown are the newest 4,000 of this day: choose hour/).waitFor();
    expect(await page.locator('.bucket.is-beyond').count()).toBeGreaterThan(0);
    await context.close();
  });
});

describe('a schedule of each minute', () => {
  it('is shown as far ahead as is known, and says so', async () => {
    const { page, context } = await world.open('viewer', { path: `/schedules/${MINUTELY}` });
    await page.locator('.calendar.day .cell.ahead').first().waitFor();
    await page.getByRole('button', { name: 'The day after' }).click();
    await page.getByText(/Shown are the next 1,000 ticks: others will come after/).waitFor();
    expect(await page.locator('.bucket.is-beyond').count()).toBeGreaterThan(0);
    await context.close();
  });
});

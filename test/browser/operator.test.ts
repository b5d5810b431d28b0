import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectId } from 'mongodb';
import type { Page } from 'playwright-core';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { OTHERS } from './seed.ts';
import { CRASHING, WELL } from './seed-names.ts';
import { DONE_RUN, QUEUED_RUN, TRACE } from './seed-schedules.ts';
import { startWorld, type World } from './world.ts';

/** What an operator does at three in the morning, in a browser. */
const VIEWER = 'https://traces.example/trace/{traceId}';
let world: World;
let page: Page;
const faults: string[][] = [];

beforeAll(async () => {
  world = await startWorld({ ...testServers().environment, TRACE_VIEWER_URL: VIEWER });
  const opened = await world.open('operator');
  page = opened.page;
  faults.push(opened.faults);
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const auditOf = (target: string) => world.dashboard.connections.collections.audit.find({ target }).toArray();
const go = async (path: string): Promise<void> => {
  await page.goto(`${world.dashboard.server.url}${path}`);
  await page.locator('main h1').waitFor();
};

/** Says why, in the dialogue that an action opens. */
async function confirm(verb: string, reason: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill(reason);
  await dialog.getByRole('button', { name: verb, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

describe('an operator', () => {
  it('sees at a glance how many bots stand how, and what needs someone', async () => {
    await page.getByRole('heading', { name: 'Needs someone' }).waitFor();
    await until(async () => (await page.locator('.phases .all strong').textContent()) === String(OTHERS + 4));
    expect(await page.locator('.phases').textContent()).toContain('backing off');
    await page
      .getByRole('link', { name: /Grid ETH\/USDT/ })
      .first()
      .waitFor();
  });

  it('finds the bot that crashes, by keyboard alone', async () => {
    await go('/bots');
    await page.getByRole('grid', { name: 'Bots' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('grid eth/usdt');
    await until(async () => (await page.getByRole('row').count()) === 2);
    await page.keyboard.press('Tab');
    await until(async () => {
      await page.keyboard.press('Tab');
      return page.evaluate(() => document.activeElement?.getAttribute('role') === 'row');
    });
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/bots/${CRASHING}`);
  });

  it('reads why it is not running, and what it printed last', async () => {
    await page.getByText('It does not run:').waitFor();
    await page.getByText("KeyError: 'ask'").last().waitFor();
    await page.getByText('How it came to this, step by step').click();
    expect(await page.locator('.chain li').count()).toBeGreaterThan(2);
  });

  it('sees ten thousand restarts as one line', async () => {
    await page.getByText(/^\d+ times through .*backing-off/).waitFor();
    expect(await page.locator('.story > li').count()).toBeLessThan(12);
  });

  it('sees its log, and searches all of it', async () => {
    await page.getByRole('link', { name: 'Log', exact: true }).click();
    await page.locator('.log-line.level-error').first().waitFor();
    await page.getByRole('button', { name: 'warn', exact: true }).click();
    await until(
      async () =>
        (await page.locator('.log-line').count()) > 0 &&
        (await page.locator('.log-line:not(.level-warn)').count()) === 0,
    );
    await page.getByRole('button', { name: 'warn', exact: true }).click();
    await page.getByLabel('Search the log').fill('candle 17 of');
    await until(async () => (await page.locator('.log-line').count()) === 1);
  });

  it('restarts it with a reason, which is on record', async () => {
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await confirm('Restart', 'incident 7: order book was empty');
    const entry = await until(async () => (await auditOf(CRASHING))[0]);
    expect(entry).toMatchObject({
      who: 'ann',
      what: 'BotService/RestartBot',
      why: 'incident 7: order book was empty',
      outcome: 'done',
    });
    await page.getByRole('link', { name: 'Story' }).click();
    await page.getByText('by ann').waitFor();
  });

  it('holds a bot, and sees the hold at once', async () => {
    await go(`/bots/${WELL}`);
    await page.getByRole('button', { name: 'Hold', exact: true }).click();
    await confirm('Hold', 'exchange is down');
    await page.getByRole('button', { name: 'Release', exact: true }).waitFor();
    expect(await world.dashboard.connections.collections.holds.findOne({ _id: WELL })).toMatchObject({
      who: 'ann',
      why: 'exchange is down',
    });
  });

  it('sees what changes without loading anything', async () => {
    await go('/bots?q=momentum-btc');
    const row = page.getByRole('row').nth(1);
    await row.getByText('running').waitFor();
    await world.dashboard.connections.collections.status.updateOne(
      { _id: WELL },
      {
        $set: {
          phase: 'held',
          reason: 'ann holds it: exchange is down',
          since: new Date(),
          updatedAt: new Date(),
        },
      },
    );
    await row.getByText('held', { exact: true }).waitFor();
  });

  it('sees in the audit what others do, while it is open', async () => {
    await go('/audit');
    await page.getByText('incident 7: order book was empty').waitFor();
    await world.dashboard.connections.collections.audit.insertOne({
      _id: new ObjectId(),
      at: new Date(),
      who: 'ben',
      role: 'admin',
      what: 'TokenService/RevokeToken',
      target: 'old-token',
      why: 'ben left it in a train',
      outcome: 'done',
    });
    await page.getByText('ben left it in a train').waitFor();
  });

  it('cancels a run', async () => {
    await go(`/runs/${encodeURIComponent(QUEUED_RUN)}`);
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await confirm('Cancel the run', 'not needed');
    await page.getByRole('heading', { level: 1 }).getByText('cancelled').waitFor();
    expect(await world.dashboard.connections.collections.runs.findOne({ _id: QUEUED_RUN })).toMatchObject({
      state: 'cancelled',
    });
  });

  it('finds the trace of a run, where people look at traces', async () => {
    await go(`/runs/${encodeURIComponent(DONE_RUN)}`);
    const link = page.getByRole('link', { name: TRACE });
    expect(await link.getAttribute('href')).toBe(`https://traces.example/trace/${TRACE}`);
    expect(await link.getAttribute('rel')).toBe('noreferrer');
  });

  it('finds all of that in the audit', async () => {
    await go('/audit');
    for (const why of ['incident 7: order book was empty', 'exchange is down', 'not needed'])
      await page.getByText(why).first().waitFor();
  });

  it('went about it without an error in the browser', () => expect(faults.flat()).toEqual([]));
});

describe('a viewer', () => {
  it('may act nowhere, and is told why', async () => {
    const {
      page: theirs,
      context,
      faults: found,
    } = await world.open('viewer', { path: `/bots/${CRASHING}` });
    const restart = theirs.getByRole('button', { name: /^Restart/ });
    await restart.waitFor();
    expect(await restart.getAttribute('aria-disabled')).toBe('true');
    expect(await restart.getAttribute('title')).toContain('operator');
    await restart.click({ force: true });
    expect(await theirs.getByRole('dialog').count()).toBe(0);
    // Nor by leaving the buttons aside.
    const { csrfToken } = (await (
      await context.request.get(`${world.dashboard.server.url}/session`)
    ).json()) as { csrfToken: string };
    const response = await context.request.post(
      `${world.dashboard.server.url}/api/the0.runtime.v1.BotService/StopBot`,
      {
        headers: { 'x-csrf-token': csrfToken, 'content-type': 'application/json' },
        data: { id: CRASHING, change: { reason: 'no' } },
      },
    );
    expect(response.status()).toBe(403);
    expect(found).toEqual([]);
    await context.close();
  });
});

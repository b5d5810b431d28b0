import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { ensureServers } from '../../infra/local/ensure.ts';
import { answerQueries, LAST_PICTURES, PICTURES, ready, type Picture } from './pictures.ts';
import { seedLiving } from './seed-living.ts';
import { seedQueues } from './seed-queues.ts';
import { seedSecondly } from './seed-schedules.ts';
import { startWorld, type World } from './world.ts';

/** `npm run screenshots`: every page, dark and light, wide and narrow, of a seeded fleet, into `docs/screenshots`. */
const OUT = join(import.meta.dirname, '../../docs/screenshots');
const MOST_BYTES = 150_000;
const QUALITY = 72;
const HOUR_MS = 3_600_000;
const SCHEMES = ['light', 'dark'] as const;
const VIEWS = [
  { view: 'wide', width: 1440, height: 900 },
  { view: 'narrow', width: 390, height: 844 },
];

const dir = mkdtempSync(join(tmpdir(), 'the0-screenshots-'));
const servers = await ensureServers({ dir, environment: {}, progress: () => undefined, ports: 'free' });
try {
  await using world = await startWorld({ ...servers.env, INSTALLATION: 'the0' });
  await using _workers = await seedQueues(world.dashboard);
  mkdirSync(OUT, { recursive: true });
  await takeAll(world, PICTURES);
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const { collections } = world.dashboard.connections;
  await seedSecondly(collections, { fromMs: nowMs - HOUR_MS, toMs: nowMs, nowMs });
  await takeAll(world, LAST_PICTURES);
} finally {
  await servers.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function takeAll(world: World, pictures: readonly Picture[]): Promise<void> {
  const { collections: all, settings } = world.dashboard.connections;
  for (const scheme of SCHEMES)
    for (const { view, width, height } of VIEWS) {
      const { page, context } = await world.open('operator', { scheme, width, height });
      const outside = await world.browser.newContext({ colorScheme: scheme, viewport: { width, height } });
      await answerQueries(context);
      for (const picture of pictures) {
        await seedLiving({ all, settings, nowMs: Date.now() });
        const seen = picture.isOutside === true ? await outside.newPage() : page;
        await seen.goto(`${world.dashboard.server.url}${picture.path}`);
        await ready(seen, picture);
        await take(seen, `${picture.name}-${view}-${scheme}`, picture.quality);
      }
      await outside.close();
      await context.close();
    }
}

async function take(page: Page, name: string, quality = QUALITY): Promise<void> {
  const file = join(OUT, `${name}.jpeg`);
  await page.screenshot({ path: file, type: 'jpeg', quality });
  const { size } = statSync(file);
  console.log(`${name} ${Math.round(size / 1_000)} kB${size > MOST_BYTES ? ': too big' : ''}`);
  if (size > MOST_BYTES) process.exitCode = 1;
}

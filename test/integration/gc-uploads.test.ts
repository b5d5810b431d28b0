import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { sweepStorage, type LoopOptions } from '../../producers/gc/loop.ts';
import type { StorageReport } from '../../producers/gc/storage-sweep.ts';
import { until } from '../support/poll.ts';
import { GcWorld, HOUR_MS } from './gc-world.ts';

const world = new GcWorld();

async function listed(bucket: string, prefix: string): Promise<string[][]> {
  const pages: string[][] = [];
  for await (const page of world.s3.bulk.pages(bucket, prefix)) pages.push(page.map(({ key }) => key));
  return pages;
}

describe('many objects at once', () => {
  it('are listed page by page, and deleted a thousand at a time', async () => {
    const bucket = world.buckets.queries;
    const keys = Array.from({ length: 1_050 }, (_, index) => `many/${String(index).padStart(4, '0')} &<é>`);
    for (let from = 0; from < keys.length; from += 50)
      await Promise.all(keys.slice(from, from + 50).map((key) => world.s3.put(bucket, key, 'x')));
    const pages = await listed(bucket, 'many/');
    expect(pages.map((page) => page.length)).toEqual([1_000, 50]);
    expect(pages.flat()).toEqual(keys);
    expect(await world.s3.bulk.removeMany(bucket, [...keys, 'many/none'])).toEqual({
      removed: 1_051,
      refused: [],
    });
    expect(await listed(bucket, 'many/')).toEqual([]);
  });
});

describe('uploads that were never completed', () => {
  it('are given up after an hour, and not before', async () => {
    const minio = new Client(world.servers.s3);
    await minio.initiateNewMultipartUpload(world.buckets.logs, 'logs/b1/20261124.log', {});
    const request = { full: true, dryRun: false, signal: new AbortController().signal };
    const uploads = () => world.s3.bulk.incompleteUploads(world.buckets.logs);
    expect(await uploads()).toHaveLength(1);
    expect((await world.sweep().run(request)).counts).toEqual({});
    world.aheadMs = 1.1 * HOUR_MS;
    expect((await world.sweep().run(request)).counts).toMatchObject({ 'incomplete-upload': 1 });
    expect(await uploads()).toEqual([]);
    await world.s3.bulk.abortUpload(world.buckets.logs, {
      key: 'logs/b1/20261124.log',
      uploadId: 'gone-already',
    });
  });
});

describe('the loop', () => {
  function loop(more: Partial<LoopOptions> = {}) {
    const stop = new AbortController();
    const reports: StorageReport[] = [];
    const asked: number[] = [];
    const stops: (string | undefined)[] = [];
    const running = sweepStorage({
      sweep: world.sweep(),
      reports: world.collections.gcReports,
      askEngine: async () => asked.push(1),
      everyMs: 30,
      now: world.now,
      log: createLogger({ level: 'silent', service: 'test' }),
      signal: stop.signal,
      onReport: (report) => reports.push(report),
      onStopped: (reason) => stops.push(reason),
      ...more,
    });
    return { reports, asked, stops, end: () => (stop.abort(), running) };
  }

  it('looks through whole buckets at its first turn and once an hour, and keeps a record of what mattered', async () => {
    await world.leave('gone');
    const first = loop();
    await until(() => first.reports.length >= 3, { what: 'three turns' });
    await world.deleted('gone', 25 * HOUR_MS);
    await until(() => first.reports.some(({ counts }) => counts['deleted-bot'] === 1), { what: 'the sweep' });
    await first.end();
    expect(first.reports.filter(({ full }) => full)).toHaveLength(1);
    expect(first.asked.length).toBeGreaterThanOrEqual(3);
    const kept = await world.collections.gcReports.find().sort({ startedAt: 1 }).toArray();
    expect(kept).toMatchObject([
      { part: 'storage', full: true },
      { full: false, counts: { 'deleted-bot': 1 }, items: [{ kind: 'deleted-bot', name: 'gone' }] },
    ]);

    const second = loop();
    await until(() => second.reports.length >= 2, { what: 'two turns' });
    expect(second.reports.filter(({ full }) => full)).toEqual([]);
    world.aheadMs = 1.1 * HOUR_MS;
    await until(() => second.reports.some(({ full }) => full), { what: 'the next full look' });
    await second.end();
  });

  it('goes on where it could not look, or could not ask, and says why nothing is deleted', async () => {
    for (let index = 0; index < 11; index += 1) {
      await world.leave(`gone-${index}`);
      await world.deleted(`gone-${index}`, 25 * HOUR_MS);
    }
    let failures = 2;
    const sweep = world.sweep();
    const turns = loop({
      sweep: {
        run: async (request) => {
          if ((failures -= 1) >= 0) throw new Error('S3 is away');
          return sweep.run(request);
        },
      },
      askEngine: () => Promise.reject(new Error('Redis is away')),
    });
    await until(() => turns.reports.length >= 2, { what: 'two turns that could look' });
    await turns.end();
    expect(turns.stops[0]).toContain('11 of 11 bots');
    expect(await world.left('gone-3')).toHaveLength(5);
    expect(await world.collections.gcReports.countDocuments()).toBe(1);
  });

  it('ends at once when it is told to', async () => {
    const turns = loop({ everyMs: HOUR_MS });
    await until(() => turns.asked.length > 0, { what: 'the first turn' });
    await Promise.race([turns.end(), sleep(5_000).then(() => Promise.reject(new Error('it did not end')))]);
    expect(turns.reports).toHaveLength(1);
  });
});

import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileSource } from '../../processors/code/zip/source.ts';
import { archiveCases, CORPUS_LIMITS } from '../fixtures/archives/cases.ts';
import { judge, unsafe } from '../fixtures/archives/judge.ts';
import { makeCorpus } from '../fixtures/archives/make-corpus.ts';

/** Far below what any bomb of the corpus unpacks to (256 MB), above what a run may hold between two collections. */
const MEMORY_ALLOWANCE_BYTES = 96 * 1024 * 1024;

describe('archives from the corpus, read from disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archives-'));
    await makeCorpus(folder);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds at least 45 archives, good ones and bad ones', () => {
    expect(archiveCases.length).toBeGreaterThanOrEqual(45);
    expect(new Set(archiveCases.map(({ name }) => name)).size).toBe(archiveCases.length);
    expect(archiveCases.filter(({ expect: verdict }) => verdict === 'good').length).toBeGreaterThan(20);
  });

  it.each(archiveCases.map(({ name, expect: verdict }) => [name, verdict] as const))(
    '%s: %s',
    async (name, expected) => {
      const before = process.memoryUsage.rss();
      let peak = before;
      const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
      await using file = await open(join(folder, `${name}.zip`));
      const verdict = await judge(await fileSource(file), CORPUS_LIMITS).finally(() =>
        clearInterval(sampler),
      );
      expect(verdict.verdict, 'message' in verdict ? verdict.message : '').toBe(expected);
      expect(verdict.entries.map(unsafe).filter((reason) => reason !== undefined)).toEqual([]);
      expect(Math.max(peak, process.memoryUsage.rss()) - before).toBeLessThan(MEMORY_ALLOWANCE_BYTES);
      if ('message' in verdict) {
        // Whoever reads it has to know what to do next, and a terminal must survive it.
        expect(verdict.message).toMatch(/^The code archive was refused: .+\. .+\.$/);
        expect(verdict.message).not.toMatch(/[\u0000-\u001f\u007f]/);
        expect(verdict.message.length).toBeLessThan(600);
      }
    },
    20_000,
  );

  it('unpacks nothing on this host: the folder holds what was put there', async () => {
    expect((await readdir(folder)).sort()).toEqual(
      [...archiveCases.map(({ name }) => `${name}.zip`), 'expected.json'].sort(),
    );
  });
});

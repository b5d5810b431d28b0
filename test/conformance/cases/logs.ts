import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerMissing } from '../../../infra/engine/errors.ts';
import type { LogLine } from '../../../infra/engine/port.ts';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget, text } from '../target.ts';

async function all(entries: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const told: LogLine[] = [];
  for await (const entry of entries) told.push(entry);
  return told;
}

export function logCases(target: EngineTarget): void {
  describe('output', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    it('is told line by line, with its stream', async () => {
      const id = await bench.run({
        output: [
          { text: 'one\n' },
          // Docker copies each stream by itself: so far apart that a busy one keeps their order.
          { text: 'two ü\n', stream: 'stderr', afterMs: 200 },
          { text: 'three\n', afterMs: 200 },
        ],
        exitCode: 0,
        exitAfterMs: 300,
      });
      await bench.engine.wait(id);
      const lines: LogLine[] = [];
      for await (const line of bench.engine.logs(id, {})) lines.push(line);
      expect(lines.map(({ stream, data }) => [stream, data.toString()])).toEqual([
        ['stdout', 'one\n'],
        ['stderr', 'two ü\n'],
        ['stdout', 'three\n'],
      ]);
      expect(await text(bench.engine.logs(id, { tail: 1 }))).toBe('three\n');
      expect(await text(bench.engine.logs(id, { tail: 0 }))).toBe('');
      expect(await text(bench.engine.logs(id, { tail: 50 }))).toBe('one\ntwo ü\nthree\n');
    });

    it('begins where `sinceMs` says', async () => {
      const id = await bench.run({ output: [{ text: 'old\n' }, { text: 'new\n', afterMs: 600 }] });
      const entries = await until(async () => {
        const told = await all(bench.engine.logs(id, {}));
        return told.length === 2 ? told : undefined;
      });
      // The engine's own time, cut to the millisecond: no clock of ours, which may stand where "old" was said.
      const sinceMs = Date.parse(entries[1]?.time ?? '');
      expect(await text(bench.engine.logs(id, { sinceMs }))).toBe('new\n');
    });

    it('is followed until the container ends, and again after it was started anew', async () => {
      const id = await bench.run({
        output: [{ text: 'a\n' }, { text: 'b\n', afterMs: 200 }],
        exitCode: 0,
        exitAfterMs: 300,
      });
      expect(await text(bench.engine.logs(id, { follow: true }))).toBe('a\nb\n');
      const sinceMs = Date.now();
      await bench.engine.start(id);
      expect(await text(bench.engine.logs(id, { follow: true, sinceMs }))).toBe('a\nb\n');
      expect(await text(bench.engine.logs(id, {}))).toBe('a\nb\na\nb\n');
    });

    it('that is followed ends with an error when its signal is aborted', async () => {
      const id = await bench.run({ output: [{ text: 'a\n' }] });
      const abort = new AbortController();
      const read = (async () => {
        for await (const line of bench.engine.logs(id, { follow: true, signal: abort.signal }))
          if (line.data.length > 0) abort.abort(new Error('enough'));
      })();
      await expect(read).rejects.toThrow('enough');
    });

    it('can be left by its reader at any line', async () => {
      const id = await bench.run({ output: [{ text: 'a\n' }, { text: 'b\n' }] });
      for await (const line of bench.engine.logs(id, { follow: true })) {
        expect(line.data.toString()).toBe('a\n');
        break;
      }
    });

    it('comes as entries: lines with their newline, parts of very long ones, a rest at the end', async () => {
      const id = await bench.run({
        output: [
          { text: 'one\ntw' },
          { text: 'o\n', afterMs: 100 },
          { text: `${'x'.repeat(20_000)}\n`, afterMs: 100 },
          { text: 'rest', afterMs: 100 },
        ],
        exitCode: 0,
        exitAfterMs: 300,
      });
      await bench.engine.wait(id);
      const entries = await all(bench.engine.logs(id, {}));
      expect(entries.map(({ data }) => data.length)).toEqual([4, 4, 16_384, 20_001 - 16_384, 4]);
      expect(entries.at(-1)?.data.toString()).toBe('rest');
      const times = entries.map(({ time }) => time);
      for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect([...times].sort()).toEqual(times);
      expect(times[2]).toBe(times[3]);
    });

    it('begins at the entry whose time is given, which is told again', async () => {
      const id = await bench.run({
        output: [{ text: 'a\n' }, { text: 'b\n', afterMs: 30 }, { text: 'c\n', afterMs: 30 }],
      });
      await until(async () => (await all(bench.engine.logs(id, {}))).length === 3);
      const since = (await all(bench.engine.logs(id, {})))[1]?.time ?? '';
      expect(await text(bench.engine.logs(id, { since }))).toBe('b\nc\n');
      expect(await text(bench.engine.logs(id, { since, tail: 1 }))).toBe('c\n');
      const justAfter = `${since.slice(0, -2)}${since.endsWith('9Z') ? '9' : Number(since.at(-2)) + 1}Z`;
      if (justAfter !== since) expect(await text(bench.engine.logs(id, { since: justAfter }))).toBe('c\n');
    });

    it('is followed from its last entries on', async () => {
      const id = await bench.run({
        output: [{ text: 'a\nb\nc\n' }, { text: 'd\n', afterMs: 1_000 }],
        exitCode: 0,
        exitAfterMs: 1_200,
      });
      await until(async () => (await text(bench.engine.logs(id, {}))).includes('c'));
      expect(await text(bench.engine.logs(id, { tail: 1, follow: true }))).toMatch(/^(c\n)?d\n$/);
    });

    it('is kept by the engine within the bound that is asked for, the newest of it', async () => {
      const spec = await bench.spec();
      const limits = { ...spec.limits, logBytes: 98_304 };
      const line = (number: number) => `${String(number).padStart(5, '0')} ${'x'.repeat(993)}\n`;
      const output = Array.from({ length: 120 }, (_, number) => ({ text: line(number) }));
      const id = await bench.run({ output, exitCode: 0, exitAfterMs: 50 }, { limits });
      await bench.engine.wait(id);
      const kept = await all(bench.engine.logs(id, {}));
      expect(kept.at(-1)?.data.toString()).toBe(line(119));
      expect(kept.length).toBeGreaterThan(50);
      expect(kept.length).toBeLessThan(100);
      expect(kept[0]?.data.toString()).toBe(line(120 - kept.length));
    });

    it('of a container that is gone is an error', async () => {
      const id = await bench.create();
      await bench.engine.remove(id);
      await expect(text(bench.engine.logs(id, {}))).rejects.toBeInstanceOf(ContainerMissing);
      await expect(text(bench.engine.logs(id, { follow: true }))).rejects.toBeInstanceOf(ContainerMissing);
    });
  });
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerMissing } from '../../../infra/engine/errors.ts';
import type { LogLine } from '../../../infra/engine/port.ts';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget, text } from '../target.ts';

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
          { text: 'two ü\n', stream: 'stderr', afterMs: 60 },
          { text: 'three\n', afterMs: 60 },
        ],
        exitCode: 0,
        exitAfterMs: 200,
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
      await until(async () => (await text(bench.engine.logs(id, {}))).includes('old'));
      const sinceMs = Date.now();
      await until(async () => (await text(bench.engine.logs(id, {}))).includes('new'));
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

    it('of a container that is gone is an error', async () => {
      const id = await bench.create();
      await bench.engine.remove(id);
      await expect(text(bench.engine.logs(id, {}))).rejects.toBeInstanceOf(ContainerMissing);
      await expect(text(bench.engine.logs(id, { follow: true }))).rejects.toBeInstanceOf(ContainerMissing);
    });
  });
}

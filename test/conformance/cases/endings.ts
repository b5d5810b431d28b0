import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget, text } from '../target.ts';

export function endingCases(target: EngineTarget): void {
  describe('how containers end', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    it('keeps the exit code of a program that ends by itself', async () => {
      const id = await bench.run({ exitCode: 42, exitAfterMs: 20 });
      expect(await bench.engine.wait(id)).toEqual({ exitCode: 42 });
      const detail = await bench.engine.inspect(id);
      expect(detail).toMatchObject({ state: 'exited', exitCode: 42, oomKilled: false });
      expect(detail?.signal).toBeUndefined();
      expect(detail?.finishedAtMs).toBeGreaterThanOrEqual(detail?.startedAtMs ?? Infinity);
    });

    it('gives SIGTERM to the program and waits for it', async () => {
      const ready = 'ready\n';
      const id = await bench.run({
        output: [{ text: ready }],
        onTerm: { exitCode: 7, afterMs: 300, text: 'bye\n' },
      });
      await until(async () => (await text(bench.engine.logs(id, {}))).includes(ready));
      await bench.engine.stop(id, 10_000);
      expect(await bench.engine.inspect(id)).toMatchObject({ state: 'exited', exitCode: 7 });
      expect(await text(bench.engine.logs(id, {}))).toBe('ready\nbye\n');
    });

    it('kills a program that ignores SIGTERM, but not before its grace is over', async () => {
      const id = await bench.run({ output: [{ text: 'ready\n' }], onTerm: 'ignore' });
      await until(async () => (await text(bench.engine.logs(id, {}))).includes('ready'));
      const begin = performance.now();
      await bench.engine.stop(id, 1_000);
      expect(performance.now() - begin).toBeGreaterThan(900);
      expect(await bench.engine.inspect(id)).toMatchObject({
        state: 'exited',
        exitCode: 137,
        signal: 'SIGKILL',
      });
    });

    it('answers other calls while many stops wait out their grace', async () => {
      const ids = await Promise.all(
        Array.from({ length: 8 }, () => bench.run({ output: [{ text: 'ready\n' }], onTerm: 'ignore' })),
      );
      for (const id of ids)
        await until(async () => (await text(bench.engine.logs(id, {}))).includes('ready'));
      const stops = Promise.all(ids.map((id) => bench.engine.stop(id, 3_000)));
      const begin = performance.now();
      for (let call = 0; call < 10; call++) await bench.engine.list();
      expect(performance.now() - begin).toBeLessThan(2_000);
      await stops;
    });

    it('can be started again after its end, under the same id', async () => {
      const id = await bench.run({ exitCode: 1, exitAfterMs: 20 });
      await bench.engine.wait(id);
      const first = await bench.engine.inspect(id);
      await bench.engine.start(id);
      await bench.engine.wait(id);
      const second = await bench.engine.inspect(id);
      expect(second?.startedAtMs).toBeGreaterThan(first?.startedAtMs ?? Infinity);
      expect(second?.exitCode).toBe(1);
    });

    it('waits for a container that has not been started yet', async () => {
      const id = await bench.create({ exitCode: 5, exitAfterMs: 20 });
      const ended = bench.engine.wait(id);
      await bench.engine.start(id);
      expect(await ended).toEqual({ exitCode: 5 });
    });

    it('lets go of a wait and of a stop when their signal says so, and the stop goes on', async () => {
      const id = await bench.run({ output: [{ text: 'ready\n' }], onTerm: { exitCode: 3, afterMs: 1_000 } });
      await until(async () => (await text(bench.engine.logs(id, {}))).includes('ready'));
      const abort = new AbortController();
      const reason = new Error('the caller has changed its mind');
      const calls = Promise.allSettled([
        bench.engine.wait(id, { signal: abort.signal }),
        bench.engine.stop(id, 5_000, { signal: abort.signal }),
      ]);
      setTimeout(() => abort.abort(reason), 300);
      for (const result of await calls) expect(result).toEqual({ status: 'rejected', reason });
      expect(await bench.engine.wait(id)).toEqual({ exitCode: 3 });
    });

    it('does nothing at all for a signal that is aborted already', async () => {
      const spec = await bench.spec();
      const signal = AbortSignal.abort(new Error('too late'));
      await expect(bench.engine.create(spec, { signal })).rejects.toThrow('too late');
      expect(await bench.engine.inspect(spec.name)).toBeUndefined();
    });
  });
}

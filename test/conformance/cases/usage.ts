import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineRefused } from '../../../infra/engine/errors.ts';
import { usageBetween, type UsageReading } from '../../../model/usage.ts';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget } from '../target.ts';

export function usageCases(target: EngineTarget): void {
  describe('what containers use', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    const readingOf = (id: string): Promise<UsageReading> =>
      until(async () => {
        const reading = (await bench.engine.usage([id])).get(id);
        // Its program may not have begun yet.
        return reading !== undefined && reading.cpuNanos > 0 && reading.memoryBytes > 0 ? reading : undefined;
      });

    it('is told of those that run, with their limit, and not of those that do not', async () => {
      const running = await bench.run();
      const created = await bench.create();
      const gone = await bench.create();
      await bench.engine.remove(gone);
      await readingOf(running);
      const readings = await bench.engine.usage([running, created, gone]);
      expect([...readings.keys()]).toEqual([running]);
      expect(readings.get(running)).toMatchObject({ memoryLimitBytes: 64 * 1024 * 1024 });
      expect(readings.get(running)?.memoryBytes).toBeLessThan(64 * 1024 * 1024);
      expect(readings.get(running)?.pids).toBeGreaterThan(0);
      await bench.engine.stop(running, 0);
      expect([...(await bench.engine.usage([running])).keys()]).toEqual([]);
    });

    it('tells the busy from the idle', async () => {
      const [busy, idle] = await Promise.all([bench.run({ busy: true }), bench.run()]);
      const cpuOf = (before: UsageReading, after: UsageReading): number =>
        usageBetween(before, after)?.cpu ?? 0;
      const before = { busy: await readingOf(busy), idle: await readingOf(idle) };
      // Of a machine that has other things to do, a busy program gets some all the same. So much that it counts little how
      // late an answer of the engine is read, by which its figures are timed.
      const after = await until(async () => {
        const readings = await bench.engine.usage([busy, idle]);
        const now = { busy: readings.get(busy), idle: readings.get(idle) };
        if (now.busy === undefined || now.idle === undefined) return undefined;
        const used = (now.busy.cpuNanos - before.busy.cpuNanos) / 1e6;
        return used > 1_000 ? { busy: now.busy, idle: now.idle } : undefined;
      });
      expect(cpuOf(before.busy, after.busy)).toBeGreaterThan(cpuOf(before.idle, after.idle));
      expect(cpuOf(before.busy, after.busy)).toBeLessThan(1.5);
      await bench.engine.stop(busy, 0);
    });

    it('is asked for by id alone', async () => {
      await expect(bench.engine.usage(['../../proc'])).rejects.toBeInstanceOf(EngineRefused);
      expect((await bench.engine.usage([])).size).toBe(0);
    });
  });
}

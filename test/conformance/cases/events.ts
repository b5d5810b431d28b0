import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget } from '../target.ts';

export function eventCases(target: EngineTarget): void {
  describe('events', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    it('come in order, with labels and exit code, for the whole life of a container', async () => {
      const { events, stop } = await bench.listen(Date.now() - 1);
      const id = await bench.run({ exitCode: 9, exitAfterMs: 20 }, { labels: { 'runtime.id': 'b1' } });
      await bench.engine.wait(id);
      await bench.engine.remove(id);
      await until(() => events.some((event) => event.type === 'removed'));
      await stop();
      const mine = events.filter((event) => event.containerId === id);
      expect(mine.map((event) => event.type)).toEqual(['created', 'started', 'died', 'removed']);
      expect(mine[2]?.exitCode).toBe(9);
      for (const event of mine)
        expect(event.labels).toMatchObject({
          'runtime.id': 'b1',
          'the0.installation': bench.installation,
          'the0.kind': 'bot',
        });
      const times = mine.map((event) => event.atMs);
      expect([...times].sort((a, b) => a - b)).toEqual(times);
      expect(times.every(Number.isInteger)).toBe(true);
    });

    it('are missed by nobody who reopens with the time of the last one seen', async () => {
      const first = await bench.listen(Date.now() - 1);
      const a = await bench.create();
      const last = await until(() => first.events.find((event) => event.containerId === a));
      await first.stop();
      const between = await bench.run({ exitCode: 0 });
      await bench.engine.wait(between);
      const second = await bench.listen(last.atMs);
      const after = await bench.create();
      await until(() => second.events.some((event) => event.containerId === after));
      await second.stop();
      const seen = second.events.filter((event) => event.containerId === between).map((event) => event.type);
      expect(seen).toEqual(['created', 'started', 'died']);
      expect(second.events.some((event) => event.containerId === a)).toBe(true);
    });

    it('of before the call are not told unless they are asked for', async () => {
      const old = await bench.create();
      await sleep(20);
      const { events, stop } = await bench.listen();
      // Where listening begins exactly cannot be seen from outside, so containers are made until one is heard of.
      await until(async () => {
        await bench.create();
        return events.length > 0;
      });
      await stop();
      expect(events.some((event) => event.containerId === old)).toBe(false);
    });

    it('end when their signal is aborted, before and while they are read', async () => {
      const listener = await bench.listen();
      await listener.stop();
      const signal = AbortSignal.abort();
      const events = [];
      for await (const event of bench.engine.events({ sinceMs: 0, signal })) events.push(event);
      expect(events).toEqual([]);
    });
  });
}

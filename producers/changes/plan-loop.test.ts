import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Health } from '../../infra/health.ts';
import { createLogger } from '../../infra/logger.ts';
import { until } from '../../test/support/poll.ts';
import { PlanLoop } from './plan-loop.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const report = { transitions: 0 };

function loopWith(
  planner: { plan?: () => Promise<[]>; resync?: () => Promise<typeof report> },
  resyncEveryMs = 60_000,
  restFactor = 0,
  quietWaitMs?: (tookMs: number) => number,
  onRound?: () => void,
): PlanLoop<typeof report> {
  return new PlanLoop({
    planner: { plan: planner.plan ?? (async () => []), resync: planner.resync ?? (async () => report) },
    log,
    lookedMessage: 'Looked',
    isNews: () => false,
    resyncEveryMs,
    restFactor,
    polling: false,
    ...(quietWaitMs === undefined ? {} : { quietWaitMs }),
    ...(onRound === undefined ? {} : { onRound }),
  });
}

describe('PlanLoop', () => {
  it('looks at everything at start and then once a period', async () => {
    let looks = 0;
    const stop = new AbortController();
    const loop = loopWith({ resync: async () => ((looks += 1), report) }, 20);
    const running = loop.run(stop.signal);
    await until(() => looks >= 3);
    stop.abort();
    await running;
    expect(looks).toBeGreaterThanOrEqual(3);
  });

  it('rests longer after looks that cost much', async () => {
    const looks: number[] = [];
    const stop = new AbortController();
    const loop = loopWith(
      {
        resync: async () => {
          looks.push(performance.now());
          await sleep(50);
          return report;
        },
      },
      1,
      4,
    );
    const running = loop.run(stop.signal);
    await until(() => looks.length >= 2);
    stop.abort();
    await running;
    // Timers may fire up to a millisecond early: the look's own, and that of the rest.
    expect((looks[1] ?? 0) - (looks[0] ?? 0)).toBeGreaterThanOrEqual(49 + 4 * 49 - 1);
  });

  it('lets a periodic look wait for a quiet moment, by what the last one took, but none that is asked for', async () => {
    const took: number[] = [];
    let looks = 0;
    const look = async () => {
      looks += 1;
      await sleep(50);
      return report;
    };
    const waits = (tookMs: number): number => {
      took.push(tookMs);
      return took.length === 1 ? 0 : 3_600_000;
    };
    const stop = new AbortController();
    const loop = loopWith({ resync: look }, 1, 0, waits);
    const running = loop.run(stop.signal);
    await until(() => took.length === 2);
    expect(looks).toBe(2);
    for (const tookMs of took) expect(tookMs).toBeGreaterThanOrEqual(49);
    loop.request('somebody asked');
    await until(() => looks === 3);
    await loop.lookAtAll('somebody else asked');
    expect(looks).toBe(4);
    stop.abort();
    await running;
  });

  it('never looks at everything twice at once, and answers a request made meanwhile by another look', async () => {
    let active = 0;
    let most = 0;
    let looks = 0;
    const gate = Promise.withResolvers<void>();
    const loop = loopWith({
      resync: async () => {
        active += 1;
        most = Math.max(most, active);
        looks += 1;
        if (looks === 1) await gate.promise;
        active -= 1;
        return report;
      },
    });
    const stop = new AbortController();
    const running = loop.run(stop.signal);
    await until(() => looks === 1);
    const asked = loop.lookAtAll('somebody asked');
    loop.request('somebody else asked');
    gate.resolve();
    await asked;
    await until(() => looks === 3);
    stop.abort();
    await running;
    expect(most).toBe(1);
  });

  it('does not let a change pass before its jobs are queued, however long that takes', async () => {
    let tries = 0;
    const loop = loopWith({
      plan: async () => {
        tries += 1;
        if (tries < 2) throw new Error('Redis is away');
        return [];
      },
    });
    await loop.changed({ kind: 'some', ids: ['b'] }, new AbortController().signal);
    expect(tries).toBe(2);
  });

  it('gives up a change when it is told to stop', async () => {
    const stop = new AbortController();
    const loop = loopWith({ plan: async () => Promise.reject(new Error('Redis is away')) });
    const changed = loop.changed({ kind: 'some', ids: ['b'] }, stop.signal);
    stop.abort(new Error('stopping'));
    await expect(changed).rejects.toThrow('stopping');
  });

  it('counts as alive while every look fails, and as silent once one hangs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      using health = new Health({ log, isServing: () => undefined, now: () => performance.now() });
      const watch = health.watch('planner', { maxSilenceMs: 180_000 });
      let tries = 0;
      let away = Promise.reject<typeof report>(new Error('the engine is away'));
      const loop = loopWith({ resync: () => ((tries += 1), away) }, 30_000, 0, undefined, () => watch.tick());
      const stop = new AbortController();
      const running = loop.run(stop.signal);
      for (let minute = 0; minute < 10; minute += 1) {
        await vi.advanceTimersByTimeAsync(60_000);
        expect(health.live()).toEqual([]);
      }
      expect(tries).toBeGreaterThan(500);

      const hang = Promise.withResolvers<typeof report>();
      away = hang.promise;
      await vi.advanceTimersByTimeAsync(190_000);
      expect(health.live()).toEqual([expect.stringContaining('planner: silent for')]);
      hang.resolve(report);
      stop.abort();
      await running;
    } finally {
      vi.useRealTimers();
    }
  });
});

import { describe, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { until } from '../../test/support/poll.ts';
import { PlanLoop } from './plan-loop.ts';
import type { ResyncReport } from './planner.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const report: ResyncReport = { bots: 0, containers: 0, transitions: 0, tookMs: 0 };

function loopWith(
  planner: { plan?: () => Promise<[]>; resync?: () => Promise<ResyncReport> },
  resyncEveryMs = 60_000,
): PlanLoop {
  return new PlanLoop({
    planner: { plan: planner.plan ?? (async () => []), resync: planner.resync ?? (async () => report) },
    log,
    resyncEveryMs,
    polling: false,
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
    await loop.changed({ kind: 'bots', botIds: ['b'] }, new AbortController().signal);
    expect(tries).toBe(2);
  });

  it('gives up a change when it is told to stop', async () => {
    const stop = new AbortController();
    const loop = loopWith({ plan: async () => Promise.reject(new Error('Redis is away')) });
    const changed = loop.changed({ kind: 'bots', botIds: ['b'] }, stop.signal);
    stop.abort(new Error('stopping'));
    await expect(changed).rejects.toThrow('stopping');
  });
});

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REDIS_DATA_LOST } from '../../queues/sentinel.ts';

/** Seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Whose planner looks. */
export type Looked = 'bots' | 'schedules';

/** What looks at all bots, or at all schedules, cost, and what they find that nothing had announced. One for each process. */
export class LookMetrics {
  readonly #seconds: Histogram<'of'>;
  readonly #drift: Counter<'of'>;
  readonly #last: Gauge<'of'>;
  readonly #rebuilds: Counter<'of'>;
  readonly #now: () => number;

  constructor({ registry, now = Date.now }: { registry: Registry; now?: () => number }) {
    this.#now = now;
    const common = { labelNames: ['of'] as const, registers: [registry] };
    this.#seconds = new Histogram({
      ...common,
      name: 'the0_resync_seconds',
      help: 'How long looks at all bots, or at all schedules, took',
      buckets: BUCKETS,
    });
    this.#drift = new Counter({
      ...common,
      name: 'the0_resync_drift_total',
      help: 'What periodic looks found not to be as it should, without anything having announced it',
    });
    this.#last = new Gauge({
      ...common,
      name: 'the0_resync_last_timestamp_seconds',
      help: 'End of the last look at all of them',
    });
    this.#rebuilds = new Counter({
      ...common,
      name: 'the0_redis_rebuilds_total',
      help: 'Times that the queues were rebuilt, since the data of Redis was new or lost',
    });
  }

  /** From now on this process looks: a series that exists from the start lets a monitor see its first increase. */
  begin(of: Looked): void {
    this.#drift.inc({ of }, 0);
    this.#rebuilds.inc({ of }, 0);
  }

  /** `found`: how many were not as they should be. `why`: as `PlanLoop` says it. */
  looked(of: Looked, { why, found, tookMs }: { why: string; found: number; tookMs: number }): void {
    this.#seconds.observe({ of }, tookMs / 1000);
    this.#last.set({ of }, this.#now() / 1000);
    // Only where there was no other reason to look.
    if (why === 'period') this.#drift.inc({ of }, found);
    if (why === REDIS_DATA_LOST) this.#rebuilds.inc({ of });
  }

  /** Another process looks now. */
  end(of: Looked): void {
    this.#last.remove({ of });
  }
}

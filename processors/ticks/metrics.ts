import { Counter, Histogram, type Registry } from 'prom-client';
import type { Tick } from './ledger.ts';

/** What became of a nominal time: a closed list, so that the label stays bounded. */
const DECISIONS = [
  /** On time, and runs. */
  'run',
  /** Skipped for a run that is not over, or since its schedule had stopped. */
  'skipped',
  /** Missed, and runs. */
  'caught-up',
  /** Missed, and skipped. */
  'missed',
] as const;
type Decision = (typeof DECISIONS)[number];

/** Seconds, from a millisecond to an hour. */
const BUCKETS = [
  0.001, 0.002, 0.004, 0.008, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3_600,
];

/** How late ticks are, and what becomes of them. */
export class TickMetrics {
  readonly #lateness: Histogram;
  readonly #ticks: Counter<'decision'>;

  constructor(options: { registry: Registry }) {
    const registers = [options.registry];
    this.#lateness = new Histogram({
      name: 'the0_tick_lateness_seconds',
      help: 'From the nominal time of a tick to the moment at which a processor had it in hand',
      buckets: BUCKETS,
      registers,
    });
    this.#ticks = new Counter({
      name: 'the0_ticks_total',
      help: 'Nominal times handled, by what became of them',
      labelNames: ['decision'],
      registers,
    });
    // A series that exists from the start lets a monitor see the first one as an increase.
    for (const decision of DECISIONS) this.#ticks.inc({ decision }, 0);
  }

  count(tick: Pick<Tick, 'nominalMs' | 'missed' | 'runs'>, takenMs: number): void {
    this.#lateness.observe(Math.max(0, takenMs - tick.nominalMs) / 1000);
    this.#ticks.inc({ decision: decisionOf(tick) });
  }
}

function decisionOf({ missed, runs }: Pick<Tick, 'missed' | 'runs'>): Decision {
  if (missed) return runs ? 'caught-up' : 'missed';
  return runs ? 'run' : 'skipped';
}

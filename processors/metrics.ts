import { Counter, Histogram, type Registry } from 'prom-client';
import { causeKind } from '../model/cause-kind.ts';
import type { Outcome } from '../queues/metrics.ts';
import type { QueueName } from '../queues/names.ts';
import type { StartTiming } from './start-timing.ts';

/** Seconds, from a millisecond to five minutes: an image may have to be pulled. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300];

/** What becomes of bots' transitions, and where the time of their starts goes. */
export class TransitionMetrics {
  readonly #transitions: Counter<'kind' | 'cause' | 'outcome'>;
  readonly #starts: Histogram<'step'>;

  constructor(options: { registry: Registry }) {
    const registers = [options.registry];
    this.#transitions = new Counter({
      name: 'the0_transitions_total',
      help: 'Looks at bots that jobs led to, by queue, cause and outcome',
      labelNames: ['kind', 'cause', 'outcome'],
      registers,
    });
    this.#starts = new Histogram({
      name: 'the0_start_seconds',
      help: 'Starts of bots that worked, by step; total is from the moment at which the job was due',
      labelNames: ['step'],
      buckets: BUCKETS,
      registers,
    });
  }

  /** `cause` as the job has it, in words. */
  count(kind: QueueName, cause: string, outcome: Outcome): void {
    this.#transitions.inc({ kind, cause: causeKind(cause), outcome });
  }

  started(timing: StartTiming): void {
    for (const [step, ms] of timing) this.#starts.observe({ step }, Math.max(0, ms) / 1000);
  }
}

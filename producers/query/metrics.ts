import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Admission } from './admission.ts';

/** Seconds, from a millisecond to five minutes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 300];

/** How long queries take, and what becomes of them. */
export class QueryMetrics {
  readonly #seconds: Histogram;
  readonly #answers: Counter<'status'>;

  constructor(options: { registry: Registry; admission: Admission }) {
    const { registry, admission } = options;
    const registers = [registry];
    this.#seconds = new Histogram({
      name: 'the0_query_seconds',
      help: 'From the question to its answer',
      buckets: BUCKETS,
      registers,
    });
    this.#answers = new Counter({
      name: 'the0_queries_total',
      help: 'Queries answered, by HTTP status',
      labelNames: ['status'],
      registers,
    });
    this.#answers.inc({ status: '200' }, 0);
    new Gauge({
      name: 'the0_queries_in_hand',
      help: 'Queries that wait for their answer',
      registers,
      collect() {
        this.set(admission.inHand);
      },
    });
  }

  count(status: number, durationNs: number): void {
    this.#answers.inc({ status: String(status) });
    this.#seconds.observe(durationNs / 1e9);
  }
}

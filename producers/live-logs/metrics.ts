import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Why output is not shown live: a closed list, so that the label stays bounded. */
const LEFT_OUT = ['rate', 'nats-away'] as const;
export type LeftOutReason = (typeof LEFT_OUT)[number];

/** Seconds, from a few milliseconds to a minute. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

/** What the follower of an engine does with bots' output. */
export class LiveLogMetrics {
  readonly #lag: Histogram;
  readonly #bytes: Counter;
  readonly #leftOut: Counter<'reason'>;
  readonly #streams: Gauge;

  constructor(options: { registry: Registry }) {
    const registers = [options.registry];
    this.#lag = new Histogram({
      name: 'the0_live_log_lag_seconds',
      help: 'From the engine’s time of an entry of output to the moment at which NATS had it',
      buckets: BUCKETS,
      registers,
    });
    this.#bytes = new Counter({
      name: 'the0_live_log_bytes_total',
      help: 'Output published live, in bytes',
      registers,
    });
    this.#leftOut = new Counter({
      name: 'the0_live_log_left_out_bytes_total',
      help: 'Output that was not shown live, by why',
      labelNames: ['reason'],
      registers,
    });
    this.#streams = new Gauge({
      name: 'the0_live_log_streams',
      help: 'Containers whose output is followed',
      registers,
    });
    // A series that exists from the start lets a monitor see the first one as an increase.
    for (const reason of LEFT_OUT) this.#leftOut.inc({ reason }, 0);
  }

  published(bytes: number, lagMs: number | undefined): void {
    this.#bytes.inc(bytes);
    if (lagMs !== undefined) this.#lag.observe(Math.max(0, lagMs) / 1000);
  }

  leftOut(reason: LeftOutReason, bytes: number): void {
    this.#leftOut.inc({ reason }, bytes);
  }

  streams(count: number): void {
    this.#streams.set(count);
  }
}

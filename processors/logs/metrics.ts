import { Counter, Histogram, type Registry } from 'prom-client';

/** Seconds. */
const BUCKETS = [0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 30, 45, 60, 90, 300, 3_600];

/** What saving the bots' output costs, how late it is, and what of it is not kept. */
export class LogMetrics {
  readonly #uploaded: Counter;
  readonly #copied: Counter;
  readonly #stored: Counter;
  readonly #dropped: Counter;
  readonly #gaps: Counter;
  readonly #conflicts: Counter;
  readonly #lag: Histogram;

  constructor(options: { registry: Registry }) {
    const counter = (name: string, help: string): Counter =>
      new Counter({ name, help, registers: [options.registry] });
    this.#uploaded = counter('the0_log_uploaded_bytes_total', 'Sent to S3 for logs, old content included');
    this.#copied = counter('the0_log_copied_bytes_total', 'Copied within S3 to extend large logs');
    this.#stored = counter('the0_log_stored_bytes_total', 'Added to logs');
    this.#dropped = counter('the0_log_dropped_bytes_total', 'Left out of logs for a limit');
    this.#gaps = counter('the0_log_gaps_total', 'Times that output had outrun the engine’s own files');
    this.#conflicts = counter('the0_log_conflicts_total', 'Flushes begun anew since another had written');
    this.#lag = new Histogram({
      name: 'the0_log_lag_seconds',
      help: 'From the oldest line of a flush, by the engine’s time, to the moment at which S3 had it',
      buckets: BUCKETS,
      registers: [options.registry],
    });
  }

  uploaded(bytes: number): void {
    this.#uploaded.inc(bytes);
  }

  copied(bytes: number): void {
    this.#copied.inc(bytes);
  }

  conflict(): void {
    this.#conflicts.inc();
  }

  flushed(flush: { bytes: number; droppedBytes: number; gaps: number; lagMs: number | undefined }): void {
    this.#stored.inc(flush.bytes);
    this.#dropped.inc(flush.droppedBytes);
    this.#gaps.inc(flush.gaps);
    if (flush.lagMs !== undefined) this.#lag.observe(Math.max(0, flush.lagMs) / 1000);
  }
}

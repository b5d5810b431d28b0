import { Counter, Gauge, type Registry } from 'prom-client';
import { STORAGE_KINDS } from '../../model/gc-report.ts';
import type { StorageReport } from './storage-sweep.ts';

/** What the garbage collection deletes, and whether it does. */
export class GcMetrics {
  readonly #removed: Counter<'kind'>;
  readonly #bytes: Counter;
  readonly #lastSweep: Gauge;
  readonly #stopped: Gauge;
  readonly #unknown: Gauge;

  constructor(options: { registry: Registry }) {
    const registers = [options.registry];
    this.#removed = new Counter({
      name: 'the0_gc_removed_total',
      help: 'What was swept from storage, by kind',
      labelNames: ['kind'],
      registers,
    });
    this.#bytes = new Counter({ name: 'the0_gc_removed_bytes_total', help: 'Bytes of it', registers });
    this.#lastSweep = new Gauge({
      name: 'the0_gc_last_sweep_timestamp_seconds',
      help: 'End of the last sweep that could look',
      registers,
    });
    this.#stopped = new Gauge({
      name: 'the0_gc_stopped',
      help: '1 where the last sweep deleted nothing, since too much would have gone',
      registers,
    });
    this.#unknown = new Gauge({
      name: 'the0_gc_unknown_bots',
      help: 'Ids with data but with neither a document nor a tombstone, at the last full look',
      registers,
    });
    // A series that exists from the start lets a monitor see the first one as an increase.
    for (const kind of STORAGE_KINDS) this.#removed.inc({ kind }, 0);
  }

  count(report: StorageReport): void {
    this.#lastSweep.set(report.endedAt.getTime() / 1000);
    this.#stopped.set(report.stopped === undefined ? 0 : 1);
    if (report.full) this.#unknown.set(report.unknownCount);
    if (report.stopped !== undefined) return;
    for (const kind of STORAGE_KINDS) this.#removed.inc({ kind }, report.counts[kind] ?? 0);
    this.#bytes.inc(report.counts.bytes ?? 0);
  }
}

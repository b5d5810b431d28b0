import { tmpdir } from 'node:os';
import { productVersion } from '../../cli/paths.ts';
import { hostMetrics } from '../../infra/host-metrics.ts';
import { createMetrics, type Metrics } from '../../infra/metrics.ts';
import { LogMetrics } from '../../processors/logs/metrics.ts';
import { TransitionMetrics } from '../../processors/metrics.ts';
import { StartTiming } from '../../processors/start-timing.ts';
import { StateMetrics } from '../../processors/state/metrics.ts';
import { LookMetrics } from '../../producers/changes/look-metrics.ts';
import { EventMetrics } from '../../producers/events/metrics.ts';
import { newStats, type EventStats } from '../../producers/events/stats.ts';
import { GcMetrics } from '../../producers/gc/metrics.ts';
import { Admission } from '../../producers/query/admission.ts';
import { QueryMetrics } from '../../producers/query/metrics.ts';
import { QueueMetrics } from '../../queues/metrics.ts';

const SERVICE = 'processor';
const OTHER_VERSION = '0.0.0-of-before';
const HOUR_MS = 3_600_000;
/** Of what happens, at each scrape. */
const AT_ONCE = 5;

/**
 * What a process would say at `/metrics` that fares well, or badly in every way that a test cannot bring about for real. The
 * product's own classes say it, so names and labels are those of the product; what they measure of this machine is replaced in
 * their text. At each scrape some more has happened.
 */
export class ToldProcess {
  readonly #isWell: boolean;
  readonly #metrics: Metrics;
  readonly #queues: QueueMetrics;
  readonly #transitions: TransitionMetrics;
  readonly #looks: LookMetrics;
  readonly #logs: LogMetrics;
  readonly #states: StateMetrics;
  readonly #gc: GcMetrics;
  readonly #queries: QueryMetrics;
  #scrapes = 0;

  constructor(how: 'well' | 'badly') {
    this.#isWell = how === 'well';
    this.#metrics = createMetrics({
      service: SERVICE,
      version: this.#isWell ? productVersion() : OTHER_VERSION,
    });
    const { registry } = this.#metrics;
    this.#queues = new QueueMetrics({ registry, queues: {} });
    this.#transitions = new TransitionMetrics({ registry });
    const agoMs = this.#isWell ? 0 : HOUR_MS;
    this.#looks = new LookMetrics({ registry, now: () => Date.now() - agoMs });
    this.#logs = new LogMetrics({ registry });
    this.#states = new StateMetrics({ registry });
    this.#gc = new GcMetrics({ registry });
    this.#queries = new QueryMetrics({ registry, admission: new Admission({ perBot: 1, inAll: 1 }) });
    hostMetrics({ registry, folders: { temporary: tmpdir() } });
    const stats: EventStats = { ...newStats(), state: 'consuming', pending: this.#isWell ? 0 : 40 };
    new EventMetrics({ registry }).add('bots', { stats });
  }

  async text(): Promise<string> {
    this.#scrapes += 1;
    for (let nth = 0; nth < AT_ONCE; nth += 1) await this.#happens();
    const { body } = await this.#metrics.render();
    return Object.entries(this.#measured()).reduce(
      (text, [series, value]) => withValue(text, series, value),
      body,
    );
  }

  async #happens(): Promise<void> {
    const isWell = this.#isWell;
    const timing = new StartTiming();
    timing.add('total', isWell ? 100 : 59_000);
    this.#transitions.started(timing);
    this.#queues.count('state-sync', isWell ? 'succeeded' : 'errored');
    this.#looks.looked('bots', { why: 'period', found: 0, tookMs: 1 });
    this.#logs.flushed({ bytes: 1, droppedBytes: 0, gaps: 0, lagMs: isWell ? 1_000 : HOUR_MS });
    await this.#states.save(async () =>
      isWell
        ? { kind: 'saved', bytes: 1, files: 1, problems: [], again: false }
        : { kind: 'too-large', reason: 'more than it may be' },
    );
    const now = new Date();
    this.#gc.count({
      ...{ counts: {}, items: [], problems: [], unknown: [], unknownCount: 0 },
      ...{ full: true, dryRun: false, startedAt: now, endedAt: now },
      ...(isWell ? {} : { stopped: 'too much would have gone' }),
    });
    this.#queries.count(isWell ? 200 : 504, 1e6);
  }

  /** By series, as the process itself would have them. */
  #measured(): Readonly<Record<string, number>> {
    const of = `{service="${SERVICE}"}`;
    const disk = `{of="temporary",service="${SERVICE}"}`;
    return {
      [`nodejs_eventloop_lag_p99_seconds${of}`]: this.#isWell ? 0.01 : 2,
      [`process_resident_memory_bytes${of}`]: this.#isWell ? 2e8 : 2 ** 31,
      // Started anew between each scrape and the next.
      [`process_start_time_seconds${of}`]: this.#isWell ? 1 : this.#scrapes,
      [`the0_disk_free_bytes${disk}`]: this.#isWell ? 50 : 4,
      [`the0_disk_size_bytes${disk}`]: 100,
      [`the0_host_memory_available_bytes${of}`]: this.#isWell ? 60 : 2,
      [`the0_host_memory_bytes${of}`]: 100,
    };
  }
}

/** Throws where there is no such series: under another name or with other labels it would not be the product's. */
function withValue(text: string, series: string, value: number): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith(`${series} `));
  if (at < 0) throw new Error(`there is no ${series} in:\n${text}`);
  return lines.with(at, `${series} ${value}`).join('\n');
}

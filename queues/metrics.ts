import { Counter, Gauge, type Registry } from 'prom-client';
import type { Queue } from 'bullmq';
import { readBacklog, type Backlog } from './backlog.ts';
import type { QueueName } from './names.ts';

/** How a handler left a job: a closed list, so that the label stays bounded. */
export const OUTCOMES = [
  /** The bot is as its owner wants it. */
  'succeeded',
  /** By circumstance not possible now; planned again after a back-off. */
  'deferred',
  /** Cannot succeed as things are. */
  'failed',
  /** A newer wish took its place. */
  'superseded',
  /** An unexpected error; BullMQ tries again. */
  'errored',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

type Snapshot = ({ queue: QueueName } & Backlog)[];

export type QueueMetricsOptions = {
  registry: Registry;
  /** Those that are reported. */
  queues: Readonly<Partial<Record<QueueName, Queue>>>;
  /** Wall-clock milliseconds, as job timestamps are. */
  now?: () => number;
  cacheMs?: number;
  /** How long a scrape waits for Redis before it answers without the gauges. */
  timeoutMs?: number;
};

/** Depth, oldest age and outcomes of each queue: the figures by which processors are scaled. */
export class QueueMetrics {
  readonly #options: Required<QueueMetricsOptions>;
  readonly #jobs: Gauge<'queue' | 'state'>;
  readonly #oldest: Gauge<'queue' | 'state'>;
  readonly #paused: Gauge<'queue'>;
  readonly #reachable: Gauge;
  readonly #outcomes: Counter<'queue' | 'outcome'>;
  readonly #workers = new Map<QueueName, () => boolean>();
  #pending: Promise<Snapshot> | undefined;
  #cached: { at: number; snapshot: Snapshot } | undefined;

  constructor(options: QueueMetricsOptions) {
    this.#options = { now: Date.now, cacheMs: 1_000, timeoutMs: 1_000, ...options };
    const registers = [options.registry];
    this.#jobs = new Gauge({
      name: 'the0_queue_jobs',
      help: 'Jobs of a queue by state',
      labelNames: ['queue', 'state'],
      registers,
      collect: () => this.#collect(),
    });
    this.#oldest = new Gauge({
      name: 'the0_queue_oldest_age_seconds',
      help: 'Age of the oldest job of a queue by state, of a delayed one since its time came; 0 where there is none',
      labelNames: ['queue', 'state'],
      registers,
      // prom-client runs all collectors at once and reads each metric when its own is done: so both wait.
      collect: () => this.#collect(),
    });
    this.#paused = new Gauge({
      name: 'the0_queue_paused',
      help: '1 while an operator has paused the queue, so that nobody takes jobs from it',
      labelNames: ['queue'],
      registers,
      collect: () => this.#collect(),
    });
    this.#reachable = new Gauge({
      name: 'the0_queue_redis_up',
      help: '1 when the queues could be read at this scrape',
      registers,
      collect: () => this.#collect(),
    });
    this.#outcomes = new Counter({
      name: 'the0_jobs_total',
      help: 'Jobs handled, by outcome',
      labelNames: ['queue', 'outcome'],
      registers,
    });
    const workers = this.#workers;
    new Gauge({
      name: 'the0_queue_workers',
      help: '1 while this process takes jobs of the queue; 0 where it should and does not',
      labelNames: ['queue'],
      registers,
      collect() {
        for (const [queue, takes] of workers) this.set({ queue }, takes() ? 1 : 0);
      },
    });
    // A series that exists from the start lets a monitor see the first failure as an increase.
    for (const queue of Object.keys(options.queues) as QueueName[])
      for (const outcome of OUTCOMES) this.#outcomes.inc({ queue, outcome }, 0);
  }

  /** To be called by a processor when a handler has left a job. */
  count(queue: QueueName, outcome: Outcome): void {
    this.#outcomes.inc({ queue, outcome });
  }

  /** To be called by a process that takes jobs of the queue. `takes`: whether it does so now. */
  taking(queue: QueueName, takes: () => boolean): void {
    this.#workers.set(queue, takes);
  }

  async #collect(): Promise<void> {
    const snapshot = await this.#snapshot();
    this.#reachable.set(snapshot === undefined ? 0 : 1);
    // Old depths would look like an idle system, so without an answer there are none.
    this.#jobs.reset();
    this.#oldest.reset();
    this.#paused.reset();
    for (const { queue, jobs, ageSeconds, paused } of snapshot ?? []) {
      this.#paused.set({ queue }, paused ? 1 : 0);
      for (const [state, count] of Object.entries(jobs)) this.#jobs.set({ queue, state }, count);
      for (const [state, age] of Object.entries(ageSeconds)) this.#oldest.set({ queue, state }, age);
    }
  }

  /** Undefined when Redis does not answer in time. */
  async #snapshot(): Promise<Snapshot | undefined> {
    const { now, cacheMs, timeoutMs } = this.#options;
    if (this.#cached !== undefined && now() - this.#cached.at < cacheMs) return this.#cached.snapshot;
    // One question at a time: while Redis is away, scrapes must not pile commands up in the client.
    this.#pending ??= this.#read().finally(() => {
      this.#pending = undefined;
    });
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
    try {
      return await Promise.race([this.#pending, late.promise]);
    } catch {
      // Redis said no; its outage is logged by whoever owns the connection, and shown by the0_queue_redis_up.
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<Snapshot> {
    const snapshot = await Promise.all(
      (Object.entries(this.#options.queues) as [QueueName, Queue][]).map(async ([queue, source]) => ({
        queue,
        ...(await readBacklog(source, this.#options.now())),
      })),
    );
    this.#cached = { at: this.#options.now(), snapshot };
    return snapshot;
  }
}

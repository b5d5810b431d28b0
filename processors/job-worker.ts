import {
  DelayedError,
  UnrecoverableError,
  WaitingError,
  Worker,
  type AdvancedOptions,
  type Job,
} from 'bullmq';
import type { Redis } from 'ioredis';
import { OutageLog, type Logger } from '../infra/logger.ts';
import { messageOf } from '../infra/message-of.ts';
import type { Outcome } from '../queues/metrics.ts';
import type { QueueName } from '../queues/names.ts';
import { TAKEOVER, UNEXPECTED_RETRY } from '../queues/options.ts';
import { queuePrefix } from '../queues/queues.ts';
import { inJobSpan } from './job-trace.ts';
import type { Standby } from './standby.ts';

/** How soon a job looks again when its process went out of service. */
const SUPERSEDED_MS = 150;
/** How soon a loop that broke begins anew. */
const REVIVE_MS = 1_000;

/** How a handler leaves its job. What goes wrong unexpectedly it throws: BullMQ tries again, with a growing delay. */
export type HandlerResult =
  | { kind: 'done'; outcome: Outcome; reason: string }
  /** Not tried again by itself: the job stays among the failed ones, where a person may retry it. */
  | { kind: 'failed'; outcome: Outcome; reason: string }
  /**
   * The same job comes back, here or elsewhere: after 0 ms it is the next that is taken. Counted only where an outcome is
   * given.
   */
  | { kind: 'again'; afterMs: number; outcome?: Outcome };

export type HandlerContext<Data> = {
  /** The job's data, checked. */
  data: Data;
  /** The processor is stopping: long steps hand their work back (`again` after 0 ms). */
  signal: AbortSignal;
  /**
   * The process went out of service (`standby.ts`): its job goes back to the queue at once, and what the handler still
   * does has no effect on it.
   */
  away: AbortSignal | undefined;
  /** Of the lock on the job. */
  token: string | undefined;
};

export type Handler<Data> = (job: Job<Data>, context: HandlerContext<Data>) => Promise<HandlerResult>;

export type JobWorkerOptions<Data> = {
  queue: QueueName;
  connection: Redis;
  installation: string;
  concurrency: number;
  /** What the queue's jobs look like. */
  schema: { parse(data: unknown): Data };
  handle: Handler<Data>;
  /** Pauses this worker, and takes its jobs back, while the process cannot reach what they need. */
  standby?: Standby;
  log: Logger;
  onOutcome: (queue: QueueName, outcome: Outcome, data: Data) => void;
  onError: (queue: QueueName, error: Error) => void;
  /** Of BullMQ, such as the strategy by which a job scheduler finds its next time. */
  settings?: AdvancedOptions;
};

/** What a role sees of a worker, whatever its jobs. */
export type RoleWorker = Pick<JobWorker<object>, 'queue' | 'problem' | 'start' | 'stop'>;

/**
 * Takes jobs of one queue and gives them to a handler. What all queues share is here: how soon a dead processor is
 * succeeded, what becomes of unexpected errors, how a processor drains or goes out of service.
 */
export class JobWorker<Data extends object> {
  readonly queue: QueueName;
  readonly #options: JobWorkerOptions<Data>;
  readonly #worker: Worker<Data>;
  readonly #outage: OutageLog;
  readonly #drain = new AbortController();
  #broke: unknown;
  #reviving: NodeJS.Timeout | undefined;

  constructor(options: JobWorkerOptions<Data>) {
    this.queue = options.queue;
    this.#options = options;
    this.#outage = new OutageLog(options.log, `What the queue ${options.queue} needs`);
    this.#worker = new Worker<Data>(options.queue, (job, token) => this.#handle(job, token), {
      ...TAKEOVER,
      connection: options.connection,
      prefix: queuePrefix(options.installation),
      concurrency: options.concurrency,
      autorun: false,
      drainDelay: 5,
      settings: {
        ...options.settings,
        backoffStrategy: (attempts) =>
          Math.min(UNEXPECTED_RETRY.maxMs, UNEXPECTED_RETRY.firstMs * 2 ** Math.min(attempts, 10)),
      },
    });
    this.#worker.on('error', (error) => options.onError(options.queue, error));
    options.standby?.add(this.#worker);
  }

  /** Begins taking jobs. */
  start(): void {
    // `run` resolves when the worker is closed or paused; what goes wrong with a job or with Redis arrives as an 'error'
    // event. That the loop itself breaks is not meant to happen; it would take no job any more, and look well.
    this.#worker.run().catch((error: unknown) => {
      if (this.#drain.signal.aborted) return;
      this.#broke = error;
      this.#options.log.error(
        { queue: this.queue, error: messageOf(error) },
        'The loop that takes jobs broke; it begins anew',
      );
      this.#reviving = setTimeout(() => {
        this.#broke = undefined;
        this.start();
      }, REVIVE_MS).unref();
    });
  }

  /** Why no jobs are taken although they should be; undefined while they are. */
  get problem(): string | undefined {
    return this.#broke === undefined ? undefined : `no jobs are taken: ${messageOf(this.#broke)}`;
  }

  /**
   * Takes no new job, asks long steps to hand their work back, and waits for what is in hand. After the deadline the
   * rest is left: its locks lapse and another processor takes it over.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#drain.abort(new Error('the processor is stopping'));
    clearTimeout(this.#reviving);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([this.#worker.close(), deadline]);
    clearTimeout(timer);
  }

  async #handle(job: Job<Data>, token: string | undefined): Promise<string> {
    const { schema, handle, standby, onOutcome } = this.#options;
    const data = schema.parse(job.data);
    const away = standby?.away;
    let result: HandlerResult;
    try {
      const work = inJobSpan(this.queue, job, () =>
        handle(job, { data, signal: this.#drain.signal, away, token }),
      );
      result = await unlessAway(work, away);
    } catch (error) {
      onOutcome(this.queue, 'errored', data);
      this.#outage.failed(error, { ...data, queue: this.queue, jobId: job.id });
      throw error;
    }
    this.#outage.recovered();
    if (result.outcome !== undefined) onOutcome(this.queue, result.outcome, data);
    switch (result.kind) {
      case 'done':
        return result.reason;
      case 'failed':
        throw new UnrecoverableError(result.reason);
      case 'again':
        // No clock has a part in this: a host whose `Date` is ahead would hand back what nobody may take for as long.
        if (result.afterMs === 0) {
          await job.moveToWait(token);
          throw new WaitingError();
        }
        await job.moveToDelayed(Date.now() + result.afterMs, token);
        throw new DelayedError();
    }
  }
}

/**
 * The handler's result, or `again` as soon as the process goes out of service. The handler itself may then hang until its
 * own time-outs; without its lock, which lapses meanwhile, it does nothing more.
 */
async function unlessAway(
  work: Promise<HandlerResult>,
  away: AbortSignal | undefined,
): Promise<HandlerResult> {
  if (away === undefined) return work;
  const gone = Promise.withResolvers<HandlerResult>();
  const onAway = (): void => gone.resolve({ kind: 'again', afterMs: SUPERSEDED_MS, outcome: 'superseded' });
  away.addEventListener('abort', onAway, { once: true });
  // A failure that comes after we have gone has nobody left to tell.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, gone.promise]);
  } finally {
    away.removeEventListener('abort', onAway);
  }
}

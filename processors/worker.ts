import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { OutageLog, type Logger } from '../infra/logger.ts';
import { botJobSchema, type BotJob, type QueueName } from '../queues/names.ts';
import type { Outcome as CountedOutcome } from '../queues/metrics.ts';
import { TAKEOVER, UNEXPECTED_RETRY } from '../queues/options.ts';
import { queuePrefix } from '../queues/queues.ts';
import type { Standby } from './standby.ts';
import { converge, type ConvergeDeps, type Outcome } from './converge.ts';

/** How soon a job looks again when another processor is at its bot, or when something slow goes on. */
const BUSY_MS = 150;
const WAITING_MS = 750;
/** Hosts' clocks differ a little: a job that comes so much too early was still not promoted by hand. */
const PROMOTION_SLACK_MS = 1_000;

/**
 * Takes jobs of one queue and converges their bots. All queues have the same handler: the queue says why a bot is
 * looked at, the desired state says what is done.
 */
export class QueueWorker {
  readonly queue: QueueName;
  readonly #worker: Worker<BotJob>;
  readonly #drain = new AbortController();

  constructor(options: {
    queue: QueueName;
    connection: Redis;
    installation: string;
    concurrency: number;
    deps: ConvergeDeps;
    /** What is done with each bot; a bench measures the queue's own cost without it. */
    converge?: typeof converge;
    /** Pauses this worker, and takes its jobs back, while the process cannot reach what they need. */
    standby?: Standby;
    log: Logger;
    onOutcome: (queue: QueueName, outcome: CountedOutcome) => void;
    onError: (queue: QueueName, error: Error) => void;
  }) {
    this.queue = options.queue;
    const act = options.converge ?? converge;
    const outage = new OutageLog(options.log, `What the queue ${options.queue} needs`);
    const handle = async (job: Job<BotJob>, token?: string): Promise<string> => {
      const { botId, cause } = botJobSchema.parse(job.data);
      const fields = { botId, cause, queue: options.queue, jobId: job.id };
      let outcome: Outcome;
      try {
        const pass = act(options.deps, botId, { drain: this.#drain.signal, hurry: wasPromoted(job) });
        outcome = await unlessAway(pass, options.standby?.away);
      } catch (error) {
        options.onOutcome(options.queue, 'errored');
        outage.failed(error, fields);
        throw error;
      }
      outage.recovered();
      options.log.debug({ ...fields, outcome }, 'Job done');
      switch (outcome.kind) {
        case 'settled':
          options.onOutcome(options.queue, 'succeeded');
          options.log.info({ ...fields, phase: outcome.phase }, 'Bot settled');
          return outcome.reason;
        case 'deferred':
          options.onOutcome(options.queue, 'deferred');
          options.log.warn({ ...fields, nextAttemptAt: outcome.at }, outcome.reason);
          return outcome.reason;
        case 'failed':
          options.onOutcome(options.queue, 'failed');
          options.log.error({ ...fields, code: outcome.code }, outcome.reason);
          throw new UnrecoverableError(outcome.reason);
        case 'superseded':
          options.onOutcome(options.queue, 'superseded');
          // Whoever took over may itself be gone: this job looks once more.
          return comeBack(job, token, BUSY_MS);
        case 'busy':
          return comeBack(job, token, BUSY_MS);
        case 'waiting':
          return comeBack(job, token, this.#drain.signal.aborted ? 0 : WAITING_MS);
      }
    };
    this.#worker = new Worker<BotJob>(options.queue, handle, {
      ...TAKEOVER,
      connection: options.connection,
      prefix: queuePrefix(options.installation),
      concurrency: options.concurrency,
      autorun: false,
      drainDelay: 5,
      settings: {
        backoffStrategy: (attempts) =>
          Math.min(UNEXPECTED_RETRY.maxMs, UNEXPECTED_RETRY.firstMs * 2 ** Math.min(attempts, 10)),
      },
    });
    this.#worker.on('error', (error) => options.onError(options.queue, error));
    options.standby?.add(this.#worker);
  }

  /** Begins taking jobs; resolves when the queue can be reached. */
  start(): void {
    // `run` resolves when the worker is closed; what goes wrong inside it arrives as an 'error' event.
    this.#worker.run().catch(() => undefined);
  }

  /**
   * Takes no new job, asks long steps to hand their work back, and waits for what is in hand. After the deadline the
   * rest is left: its locks lapse and another processor takes it over.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#drain.abort(new Error('the processor is stopping'));
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([this.#worker.close(), deadline]);
    clearTimeout(timer);
  }
}

/**
 * The outcome of a pass, or `superseded` as soon as the process goes out of service. The pass itself may then hang until
 * its own time-outs; without its lock, which lapses meanwhile, it does nothing more.
 */
async function unlessAway(pass: Promise<Outcome>, away: AbortSignal | undefined): Promise<Outcome> {
  if (away === undefined) return pass;
  const gone = Promise.withResolvers<Outcome>();
  const onAway = (): void => gone.resolve({ kind: 'superseded' });
  away.addEventListener('abort', onAway, { once: true });
  // A failure that comes after we have gone has nobody left to tell.
  pass.catch(() => undefined);
  try {
    return await Promise.race([pass, gone.promise]);
  } finally {
    away.removeEventListener('abort', onAway);
  }
}

/** A delayed job that runs before its time: a person has promoted it on the dashboard. */
function wasPromoted(job: Job<BotJob>): boolean {
  const delayMs = job.opts.delay ?? 0;
  return delayMs > 0 && Date.now() < job.timestamp + delayMs - PROMOTION_SLACK_MS;
}

async function comeBack(job: Job<BotJob>, token: string | undefined, afterMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + afterMs, token);
  throw new DelayedError();
}

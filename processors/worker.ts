import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../infra/logger.ts';
import { botJobSchema, type BotJob, type QueueName } from '../queues/names.ts';
import type { Outcome as CountedOutcome } from '../queues/metrics.ts';
import { converge, type ConvergeDeps } from './converge.ts';
import { JobWorker, type HandlerContext, type HandlerResult } from './job-worker.ts';
import type { Standby } from './standby.ts';
import { StartTiming } from './start-timing.ts';

/** How soon a job looks again when another processor is at its bot, or when something slow goes on. */
const BUSY_MS = 150;
const WAITING_MS = 750;
/** Hosts' clocks differ a little: a job that comes so much too early was still not promoted by hand. */
const PROMOTION_SLACK_MS = 1_000;

export type QueueWorkerOptions = {
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
  onOutcome: (queue: QueueName, outcome: CountedOutcome, job: BotJob) => void;
  /** Told of each start that worked. */
  onStarted?: (timing: StartTiming) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/**
 * Takes jobs of one of the bots' queues and converges their bots. All queues have the same handler: the queue says why a
 * bot is looked at, the desired state says what is done.
 */
export class QueueWorker extends JobWorker<BotJob> {
  constructor(options: QueueWorkerOptions) {
    const { deps, converge: act = converge, onStarted, ...rest } = options;
    super({
      ...rest,
      schema: botJobSchema,
      handle: (job, context) =>
        convergeBot({ act, deps, onStarted, queue: options.queue, log: options.log }, job, context),
    });
  }
}

async function convergeBot(
  options: Pick<QueueWorkerOptions, 'deps' | 'queue' | 'log'> & {
    act: typeof converge;
    onStarted: QueueWorkerOptions['onStarted'];
  },
  job: Job<BotJob>,
  { data, signal }: HandlerContext<BotJob>,
): Promise<HandlerResult> {
  const { act, deps, queue, log, onStarted } = options;
  const { botId, cause } = data;
  const beganMs = performance.now();
  const timing = new StartTiming();
  const outcome = await act(deps, botId, { drain: signal, hurry: wasPromoted(job), timing });
  if (onStarted !== undefined && timing.started && outcome.kind === 'settled') {
    const waitedMs = Math.max(0, (job.processedOn ?? dueMs(job)) - dueMs(job));
    timing.add('queue', waitedMs);
    timing.add('total', waitedMs + performance.now() - beganMs);
    onStarted(timing);
  }
  const fields = { botId, cause, queue, jobId: job.id };
  log.debug({ ...fields, outcome }, 'Job done');
  switch (outcome.kind) {
    case 'settled':
      log.info({ ...fields, phase: outcome.phase }, 'Bot settled');
      return { kind: 'done', outcome: 'succeeded', reason: outcome.reason };
    case 'deferred':
      log.warn({ ...fields, nextAttemptAt: outcome.at }, outcome.reason);
      return { kind: 'done', outcome: 'deferred', reason: outcome.reason };
    case 'failed':
      log.error({ ...fields, code: outcome.code }, outcome.reason);
      return { kind: 'failed', outcome: 'failed', reason: outcome.reason };
    case 'superseded':
      // Whoever took over may itself be gone: this job looks once more.
      return { kind: 'again', afterMs: BUSY_MS, outcome: 'superseded' };
    case 'busy':
      return { kind: 'again', afterMs: BUSY_MS };
    case 'waiting':
      return { kind: 'again', afterMs: signal.aborted ? 0 : WAITING_MS };
  }
}

/** From when on the job could have been taken. */
const dueMs = (job: Job<BotJob>): number => job.timestamp + (job.opts.delay ?? 0);

/** A delayed job that runs before its time: a person has promoted it on the dashboard. */
function wasPromoted(job: Job<BotJob>): boolean {
  const delayMs = job.opts.delay ?? 0;
  return delayMs > 0 && Date.now() < dueMs(job) - PROMOTION_SLACK_MS;
}

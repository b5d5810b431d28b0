import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { currentTraceparent } from '../infra/tracing/tracing.ts';
import {
  BOT_QUEUES,
  botJobSchema,
  MAX_CAUSE,
  type BotJob,
  type BotQueueName,
  type Urgency,
} from './names.ts';
import { deduplication, JOB_OPTIONS } from './options.ts';

/**
 * One job to put on a queue. `delayMs`: how long it waits before it may be taken. Without a traceparent of its own it carries that
 * of what is being worked in.
 */
export type Enqueue = { queue: BotQueueName; job: BotJob; urgency: Urgency; delayMs?: number };

/** All of BullMQ's keys of an installation start with this. */
export const queuePrefix = (installation: string): string => `the0:${installation}`;

/** The producing end of the bots' queues over one connection. */
export class BotQueues implements AsyncDisposable {
  readonly byName: Readonly<Record<BotQueueName, Queue<BotJob>>>;

  constructor(options: {
    connection: Redis;
    installation: string;
    onError: (queue: BotQueueName, error: Error) => void;
  }) {
    const open = (name: BotQueueName): Queue<BotJob> => {
      const queue = new Queue<BotJob>(name, {
        connection: options.connection,
        prefix: queuePrefix(options.installation),
        defaultJobOptions: JOB_OPTIONS,
      });
      queue.on('error', (error) => options.onError(name, error));
      return queue;
    };
    this.byName = { start: open('start'), stop: open('stop'), restart: open('restart') };
  }

  /** Puts jobs on their queues, each queue's in one round trip. Resolves once Redis has them. */
  async add(items: readonly Enqueue[]): Promise<void> {
    const within = currentTraceparent();
    await Promise.all(
      BOT_QUEUES.map(async (name) => {
        const bulk = items
          .filter((item) => item.queue === name)
          .map(({ job, urgency, delayMs }) => ({
            name,
            data: botJobSchema.parse({
              ...(within === undefined ? {} : { traceparent: within }),
              ...job,
              cause: job.cause.slice(0, MAX_CAUSE),
            }),
            opts: {
              deduplication: deduplication(job.botId, urgency),
              ...(delayMs !== undefined && delayMs > 0 ? { delay: delayMs } : {}),
            },
          }));
        if (bulk.length > 0) await this.byName[name].addBulk(bulk);
      }),
    );
  }

  /** Takes a start of the bot that waits for its time off the queue. One that is due, or under way, stays. */
  async withdraw(botId: string): Promise<void> {
    const { start } = this.byName;
    const jobId = await start.getDeduplicationJobId(botId);
    const job = jobId === null ? undefined : await start.getJob(jobId);
    if (job === undefined || !(await job.isDelayed())) return;
    // Taken just now: whoever has it reads the wishes for itself.
    await job.remove().catch(() => undefined);
  }

  async close(): Promise<void> {
    await Promise.all(BOT_QUEUES.map((name) => this.byName[name].close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

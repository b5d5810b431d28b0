import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { botJobSchema, MAX_CAUSE, QUEUES, type BotJob, type QueueName, type Urgency } from './names.ts';
import { deduplication, JOB_OPTIONS } from './options.ts';

/** One job to put on a queue. `delayMs`: how long it waits before it may be taken. */
export type Enqueue = { queue: QueueName; job: BotJob; urgency: Urgency; delayMs?: number };

/** All of BullMQ's keys of an installation start with this. */
export const queuePrefix = (installation: string): string => `the0:${installation}`;

/** The producing end of all queues over one connection. */
export class BotQueues implements AsyncDisposable {
  readonly byName: Readonly<Record<QueueName, Queue<BotJob>>>;

  constructor(options: {
    connection: Redis;
    installation: string;
    onError: (queue: QueueName, error: Error) => void;
  }) {
    const open = (name: QueueName): Queue<BotJob> => {
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
    await Promise.all(
      QUEUES.map(async (name) => {
        const bulk = items
          .filter((item) => item.queue === name)
          .map(({ job, urgency, delayMs }) => ({
            name,
            data: botJobSchema.parse({ ...job, cause: job.cause.slice(0, MAX_CAUSE) }),
            opts: {
              deduplication: deduplication(job.botId, urgency),
              ...(delayMs !== undefined && delayMs > 0 ? { delay: delayMs } : {}),
            },
          }));
        if (bulk.length > 0) await this.byName[name].addBulk(bulk);
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(QUEUES.map((name) => this.byName[name].close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { slices } from '../infra/slices.ts';
import {
  DATA_QUEUES,
  dataJobSchema,
  MAX_CAUSE,
  queryJobSchema,
  sweepJobSchema,
  type DataJob,
  type DataQueueName,
  type QueryJob,
  type SweepJob,
} from './names.ts';
import { DATA_JOB_OPTIONS, deduplication } from './options.ts';
import { queuePrefix } from './queues.ts';

/** The queues whose jobs name one bot or schedule, and nothing else. */
export type BotDataQueueName = Exclude<DataQueueName, 'engine-sweep' | 'query'>;

/** One job to put on a queue. It takes the place of one that is delayed, and runs again right after one that is active. */
export type EnqueueData = { queue: BotDataQueueName; job: DataJob; delayMs?: number };

/** The producing end of the queues for output, state, queries and sweeps, over one connection. */
export class DataQueues implements AsyncDisposable {
  readonly byName: Readonly<Record<DataQueueName, Queue>>;

  constructor(options: {
    connection: Redis;
    installation: string;
    onError: (queue: DataQueueName, error: Error) => void;
  }) {
    const open = (name: DataQueueName): Queue => {
      const queue = new Queue(name, {
        connection: options.connection,
        prefix: queuePrefix(options.installation),
        defaultJobOptions: DATA_JOB_OPTIONS,
      });
      queue.on('error', (error) => options.onError(name, error));
      return queue;
    };
    this.byName = {
      'log-flush': open('log-flush'),
      'state-sync': open('state-sync'),
      query: open('query'),
      'engine-sweep': open('engine-sweep'),
    };
  }

  /** Puts jobs on their queues, each queue's in few round trips. Resolves once Redis has them. */
  async add(items: readonly EnqueueData[]): Promise<void> {
    await Promise.all(
      DATA_QUEUES.map(async (name) => {
        const bulk = items
          .filter((item) => item.queue === name)
          .map(({ job, delayMs }) => ({
            name,
            data: dataJobSchema.parse({ ...job, cause: job.cause.slice(0, MAX_CAUSE) }),
            opts: {
              deduplication: deduplication(job.botId, 'event'),
              ...(delayMs !== undefined && delayMs > 0 ? { delay: delayMs } : {}),
            },
          }));
        for await (const some of slices(bulk)) await this.byName[name].addBulk(some);
      }),
    );
  }

  /** Asks for a bot's query container, or for a single query: there is somebody who waits for it. */
  async query(job: QueryJob): Promise<void> {
    await this.byName.query.add(
      'query',
      queryJobSchema.parse({ ...job, cause: job.cause.slice(0, MAX_CAUSE) }),
      // Whoever asked has gone by the time of many tries, and asks anew.
      { attempts: 3, deduplication: deduplication(job.request ?? job.botId, 'event') },
    );
  }

  /** Asks for a sweep of the engine; one waits at most, of those that delete and of those that only tell. Gives the job's id. */
  async sweep(job: SweepJob): Promise<string | undefined> {
    const added = await this.byName['engine-sweep'].add(
      'engine-sweep',
      sweepJobSchema.parse({ ...job, cause: job.cause.slice(0, MAX_CAUSE) }),
      { deduplication: deduplication(sweepKind(job), 'event') },
    );
    return added.id;
  }

  async close(): Promise<void> {
    await Promise.all(DATA_QUEUES.map((name) => this.byName[name].close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function sweepKind({ dryRun, confirmed }: SweepJob): string {
  if (dryRun) return 'dry-run';
  return confirmed === undefined ? 'sweep' : 'confirmed';
}

import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { sampleTicks } from './tick-samples.ts';

/**
 * Bare BullMQ as an alarm clock: a job scheduler for each cron text of `CRONS` (JSON) in the Redis of `REDIS_URL`, and a
 * worker that does nothing. Prints `{"ready":PID}`, and on SIGUSR2 what it measured; ends on SIGTERM.
 */
const QUEUE = 'alarm';
const { CRONS = '[]', REDIS_URL = '', CONCURRENCY = '32' } = process.env;
const crons = JSON.parse(CRONS) as string[];
sampleTicks(QUEUE);
const connect = (): Redis => new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue(QUEUE, {
  connection: connect(),
  prefix: 'bare',
  defaultJobOptions: { removeOnComplete: true },
});
const worker = new Worker(QUEUE, async () => undefined, {
  connection: connect(),
  prefix: 'bare',
  concurrency: Number(CONCURRENCY),
});
const tell = (error: Error): void => console.error(error.message);
queue.on('error', tell);
worker.on('error', tell);
await worker.waitUntilReady();
for (const [index, pattern] of crons.entries())
  await queue.upsertJobScheduler(`schedule-${index}`, { pattern, tz: 'UTC' }, { name: QUEUE });
process.once('SIGTERM', () => process.exit());
console.log(JSON.stringify({ ready: process.pid }));

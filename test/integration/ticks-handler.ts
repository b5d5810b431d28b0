// A process that handles ticks as the product does, on a host whose `Date` may be wrong: settings from the environment,
// `SHIFT_MS` for a start, and another shift with each message. Says `ready` when it takes jobs; ends at SIGTERM.
import { shiftDate } from '../support/shift-date.ts';

shiftDate(Number(process.env['SHIFT_MS'] ?? 0));

const { TrustedClock, mongoTime } = await import('../../infra/clock.ts');
const { createLogger } = await import('../../infra/logger.ts');
const { loadSettings } = await import('../../infra/config/load.ts');
const { scheduleOperator } = await import('../../infra/config/schedule-operator.ts');
const { collections, databaseNames } = await import('../../infra/mongo/collections.ts');
const { connectMongo } = await import('../../infra/mongo/connect.ts');
const { connectRedis } = await import('../../infra/redis.ts');
const { DueBook } = await import('../../processors/ticks/due-book.ts');
const { TickWorker } = await import('../../processors/ticks/tick-worker.ts');
const { ScheduleQueues } = await import('../../queues/schedule-queues.ts');

const settings = loadSettings(process.env);
const { INSTALLATION: installation } = settings;
const log = createLogger({ level: settings.LOG_LEVEL, service: 'ticks' });
const mongo = connectMongo(settings.MONGO_URI, { appName: 'ticks', log });
const clock = new TrustedClock({ mongo: mongoTime(mongo.client), log, everyMs: 1_000 });
const connect = (role: 'producer' | 'worker') =>
  connectRedis(settings.REDIS_URL, { role, onError: () => undefined });
const book = new DueBook({
  collections: collections(mongo.client, databaseNames(settings)),
  queues: new ScheduleQueues({ connection: connect('producer'), installation, onError: () => undefined }),
  clock,
  operator: scheduleOperator(settings),
  misfireAfterMs: settings.MISFIRE_AFTER,
  newId: () => crypto.randomUUID(),
  log,
});
const worker = new TickWorker({
  connection: connect('worker'),
  installation,
  concurrency: 8,
  book,
  clock,
  log,
  onOutcome: () => undefined,
  onError: () => undefined,
});

process.on('message', (shiftMs) => shiftDate(Number(shiftMs)));
process.once('SIGTERM', () => {
  // What is left open ends with the process.
  void worker.stop(5_000).finally(() => process.exit(0));
});
await clock.start();
worker.start();
process.send?.('ready');

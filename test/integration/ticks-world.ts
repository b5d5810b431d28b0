import type { Redis } from 'ioredis';
import { createLogger, type Logger } from '../../infra/logger.ts';
import { collections, databaseNames, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { connectRedis } from '../../infra/redis.ts';
import { timingOf } from '../../model/cron/parse.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { TickDeps } from '../../processors/ticks/batch.ts';
import { DueBook, type DueBookDeps } from '../../processors/ticks/due-book.ts';
import { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { until } from '../support/poll.ts';
import type { TestServers } from '../support/servers.ts';

const silent = (): void => undefined;

export type LogLine = Readonly<Record<string, unknown>> & { level: string; msg: string };

export type ScheduleOptions = {
  /** As `Timing.text` has it. */
  timing?: string;
  config?: Record<string, unknown>;
  handledThrough: Date;
  status?: Partial<ScheduleStatus>;
};

/** Schedules, their statuses and queues in databases of their own: what handlers of ticks find. */
export type TicksWorld = AsyncDisposable & {
  link: MongoLink;
  collections: Collections;
  queues: ScheduleQueues;
  log: Logger;
  lines: LogLine[];
  /** A handler as of another process: it has its own connection to Redis. */
  book(overrides?: Partial<DueBookDeps>): Promise<DueBook>;
  deps(overrides?: Partial<TickDeps>): TickDeps;
  add: (id: string, options: ScheduleOptions) => Promise<void>;
  addMany(ids: readonly string[], options: ScheduleOptions): Promise<void>;
  runsOf(id: string): Promise<Run[]>;
  statusOf(id: string): Promise<ScheduleStatus>;
  /** Ids of the runs that have a job. */
  queued: () => Promise<string[]>;
};

export async function ticksWorld(servers: TestServers, mongoUri = servers.mongoUri): Promise<TicksWorld> {
  const settings = loadSettings({ ...servers.environment, LOG_LEVEL: 'silent' });
  const lines: LogLine[] = [];
  const log = createLogger({
    level: process.env['TEST_LOG_LEVEL'] ?? 'info',
    service: 'test',
    destination: { write: (line) => lines.push(JSON.parse(line) as LogLine) },
  });
  const link = connectMongo(mongoUri, {
    appName: 'test',
    log: createLogger({ level: 'silent', service: 't' }),
  });
  const own = collections(link.client, databaseNames(settings));
  await ensureIndexes(own);
  const connections: Redis[] = [];
  const opened: ScheduleQueues[] = [];
  const openQueues = async (): Promise<ScheduleQueues> => {
    const connection = connectRedis(servers.redisUrl, { role: 'producer', onError: silent });
    connections.push(connection);
    await until(() => connection.status === 'ready');
    const queues = new ScheduleQueues({ connection, installation: servers.installation, onError: silent });
    opened.push(queues);
    return queues;
  };
  const queues = await openQueues();
  const deps = (overrides: Partial<TickDeps> = {}): TickDeps => ({
    collections: own,
    queues,
    clock: { now: () => Date.now() },
    operator: scheduleOperator(settings),
    misfireAfterMs: settings.MISFIRE_AFTER,
    newId: () => crypto.randomUUID(),
    log,
    ...overrides,
  });

  const world: TicksWorld = {
    link,
    collections: own,
    queues,
    log,
    lines,
    deps,
    book: async (overrides) => new DueBook({ ...deps({ queues: await openQueues() }), ...overrides }),
    add: (id, options) => world.addMany([id], options),
    async addMany(ids, { timing = '* * * * * *', config = {}, handledThrough, status = {} }) {
      const parsed = timingOf(`CRON_TZ=UTC ${timing}`);
      const nextAt = new Date(parsed.next(handledThrough.getTime()) ?? Number.NaN);
      await own.schedules.insertMany(
        ids.map((id) => ({ id, config: { schedule: timing, timezone: 'UTC', ...config } })),
      );
      await own.scheduleStatus.insertMany(
        ids.map((id) => ({
          _id: id,
          phase: 'active',
          reason: '',
          since: handledThrough,
          updatedAt: handledThrough,
          timing: parsed.text,
          zone: parsed.zone,
          handledThrough,
          nextAt,
          line: [],
          failuresInRow: 0,
          ...status,
        })),
      );
    },
    runsOf: (id) => own.runs.find({ scheduleId: id }).sort({ nominal: 1 }).toArray(),
    async statusOf(id) {
      const status = await own.scheduleStatus.findOne({ _id: id });
      if (status === null) throw new Error(`${id} has no status`);
      return status;
    },
    async queued() {
      const jobs = await queues.runs.getJobs(['prioritized', 'waiting', 'delayed']);
      return jobs.map(({ data }) => data.runId).sort();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((one) => one.close()));
      for (const connection of connections) connection.disconnect();
      await link.close();
    },
  };
  return world;
}

import type { Redis } from 'ioredis';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectRedis } from '../../infra/redis.ts';
import type { Run, RunState } from '../../model/runs.ts';
import { isFinal } from '../../model/runs.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import { SchedulePlanner, type SchedulePlannerDeps } from '../../producers/schedules/planner.ts';
import { Scheduling, type SchedulingDeps } from '../../producers/schedules/scheduling.ts';
import { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

export const operator: ScheduleOperator = {
  zone: 'UTC',
  minIntervalMs: 1_000,
  misfireWindowMs: 3_600_000,
  fireAllCeiling: 100,
  overlapCeiling: 10,
  timeoutMs: 3_600_000,
  timeoutCeilingMs: 3_600_000,
  retriesCeiling: 10,
};

type PlannerQueues = SchedulePlannerDeps['queues'];

/** Planning on real servers, by a clock that the test sets. */
export type ScheduleWorld = AsyncDisposable & {
  collections: Collections;
  redis: Redis;
  queues: ScheduleQueues;
  planner: SchedulePlanner;
  /** On the same servers; some of its queues' methods may be others. */
  anotherPlanner(queues?: Partial<PlannerQueues>): SchedulePlanner;
  /** Stands until it is moved; near the real time, which alarms and claims go by. */
  now: number;
  scheduling(options?: Partial<SchedulingDeps>): Scheduling;
  /** A schedule's document, as the event consumer writes it. */
  create(config?: Record<string, unknown>, more?: Record<string, unknown>): Promise<string>;
  configure(id: string, config: Record<string, unknown>): Promise<void>;
  status(id: string): Promise<ScheduleStatus>;
  /** What the document announces, in epoch milliseconds. */
  announced(id: string): Promise<number | undefined>;
  alarm(id: string): Promise<number | undefined>;
  addRun(scheduleId: string, state: RunState, more?: Partial<Run>): Promise<string>;
  line(id: string): Promise<string[]>;
};

export async function scheduleWorld(): Promise<ScheduleWorld> {
  const servers = testServers();
  const log = createLogger({ level: process.env['TEST_LOG'] ?? 'silent', service: 'test' });
  const mongo = connectMongo(servers.mongoUri, { appName: 'test', log });
  const own = collections(mongo.client, servers.databases);
  await ensureIndexes(own);
  const redis = connectRedis(servers.redisUrl, { role: 'producer', onError: () => undefined });
  await until(() => redis.status === 'ready');
  const { installation } = servers;
  const queues = new ScheduleQueues({ connection: redis, installation, onError: () => undefined });
  let runs = 0;

  const deps = { collections: own, queues, operator, now: () => world.now };
  const world: ScheduleWorld = {
    collections: own,
    redis,
    queues,
    planner: new SchedulePlanner(deps),
    anotherPlanner: (other = {}) =>
      new SchedulePlanner({
        ...deps,
        queues: {
          setAlarm: (...alarm) => queues.setAlarm(...alarm),
          removeAlarm: (id) => queues.removeAlarm(id),
          alarms: () => queues.alarms(),
          alarmJobsExist: (alarms) => queues.alarmJobsExist(alarms),
          addRuns: (items) => queues.addRuns(items),
          runsWithJobs: (ids) => queues.runsWithJobs(ids),
          ...other,
        },
      }),
    now: Math.floor(Date.now() / 1000) * 1000 + 250,
    scheduling: (options = {}) =>
      new Scheduling({
        ...deps,
        client: mongo.client,
        redis,
        installation,
        polling: false,
        checkEveryMs: 60_000,
        runsAtOnce: 7,
        keep: { days: 90, count: 1_000 },
        log,
        ...options,
      }),
    async create(config = {}, more = {}) {
      const id = newBotId();
      const document = { id, config: { name: 'x', schedule: '0 0 1 1 *', ...config }, ...more };
      await own.schedules.insertOne({ ...document });
      return id;
    },
    async configure(id, config) {
      await own.schedules.updateOne({ id }, { $set: { config } });
    },
    async status(id) {
      const status = await own.scheduleStatus.findOne({ _id: id });
      if (status === null) throw new Error(`${id} has no status`);
      return status;
    },
    async announced(id) {
      const said = (await own.schedules.findOne({ id }))?.next_execution_time;
      return said === undefined ? undefined : said * 1000;
    },
    alarm: async (id) => (await queues.alarms()).get(id),
    async addRun(scheduleId, state, more = {}) {
      runs += 1;
      const at = new Date(world.now - 60_000);
      const run: Run = {
        _id: `${scheduleId}@run-${runs}`,
        scheduleId,
        kind: 'tick',
        nominal: new Date(world.now - 3_600_000 + runs * 1000),
        due: at,
        state,
        reason: `it is ${state}`,
        cause: 'tick',
        createdAt: at,
        updatedAt: at,
        attempt: 0,
        attempts: [],
        ...(isFinal(state) ? { endedAt: at } : { open: true as const }),
        ...more,
      };
      await own.runs.insertOne(run);
      return run._id;
    },
    line: async (id) => (await world.status(id)).line,
    async [Symbol.asyncDispose]() {
      await queues.close();
      redis.disconnect();
      await mongo.close();
    },
  };
  return world;
}

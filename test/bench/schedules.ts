import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { SchedulePlanner } from '../../producers/schedules/planner.ts';
import { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { newBotId } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { checkLedger } from '../support/chaos-schedule-ledger.ts';
import { until } from '../support/poll.ts';
import {
  endProcess,
  median,
  parameter,
  type Bench,
  type BenchContext,
  type BenchServers,
  type Figure,
  type NodeProcess,
} from './harness/index.ts';

const HELD = parameter('SCHEDULES_HELD', 100_000);
const DUE = parameter('SCHEDULES_DUE', 10_000);
const RESYNCS = 5;
const KB = 1024;
const MB = 1024 * 1024;
const MINUTE_MS = 60_000;
const PAGE = 5_000;
/** To plan the changed ones before their minute comes. */
const LEAD_MS = parameter('SCHEDULES_LEAD_SECONDS', 60) * 1000;
/** For what planning has left to be let go. */
const REST_MS = 15_000;

type Memory = { rss: number; heapUsed: number; cpuMs: number };
type Place = {
  context: BenchContext;
  servers: BenchServers;
  store: Collections;
  redis: Redis;
  queues: ScheduleQueues;
  engineUrl: string;
};

export const bench: Bench = {
  name: 'schedules',
  goal:
    `${HELD} schedules held, nearly all of different times: memory in Redis and in the process, time to reconcile; ` +
    `${DUE} of them due in the same minute: recorded and queued in ≤ 5 s from its beginning, none lost, none doubled`,
  async run(context) {
    const place = await open(context);
    const { store, redis } = place;
    const redisEmpty = await redisMemory(redis);
    const empty = await memoryAtRest(place);
    const ids = await seed(store);

    const beganMs = performance.now();
    const child = await keeper(place);
    await until(async () => (await store.scheduleStatus.countDocuments({ phase: 'active' })) === HELD, {
      timeoutMs: 900_000,
      everyMs: 500,
      what: `${HELD} active schedules`,
    });
    await untilAlarms(place, HELD);
    const first = (performance.now() - beganMs) / 1000;
    context.say(`${HELD} schedules planned and their alarms set after ${first.toFixed(1)} s`);
    await sleep(REST_MS, undefined, { signal: context.signal });
    const full = await memoryOf(child);
    const redisFull = await redisMemory(redis);

    const rebuilt = await emptied(place);
    await endProcess(child, 30_000);
    const quiet = await quietResyncs(place);
    const burst = await sameMinute(place, ids.slice(0, DUE));

    const one = (name: string, value: number, unit: string): Figure => ({ name, value, unit, runs: [value] });
    return [
      { ...one(`${DUE} in the same minute, recorded and queued`, burst.queuedS, 's'), limit: { atMost: 5 } },
      one('recorded', burst.recordedS, 's'),
      { ...one('lost', burst.lost, 'ticks'), limit: { atMost: 0 } },
      { ...one('doubled', burst.doubled, 'ticks'), limit: { atMost: 0 } },
      one('Redis a schedule held', (redisFull - redisEmpty) / HELD / KB, 'KB'),
      one('RSS a schedule held', (full.rss - empty.rss) / HELD / KB, 'KB'),
      one('heap a schedule held', (full.heapUsed - empty.heapUsed) / HELD / KB, 'KB'),
      one('RSS of the process', full.rss / MB, 'MB'),
      one('planned for the first time', first, 's'),
      one('whole again from an emptied Redis', rebuilt, 's'),
      { name: 'quiet reconcile', value: median(quiet.tookS), unit: 's', runs: quiet.tookS },
      { name: 'quiet reconcile, CPU', value: median(quiet.cpuS), unit: 's CPU', runs: quiet.cpuS },
    ];
  },
};

async function open(context: BenchContext): Promise<Place> {
  const servers = await context.servers('mongo', 'redis');
  const { url } = await context.remoteFakeEngine(servers.installation);
  const mongo = connectMongo(servers.mongoUri, {
    appName: 'bench',
    log: createLogger({ level: 'silent', service: 'bench' }),
  });
  context.atEnd('the connection to MongoDB', () => mongo.close());
  const redis = new Redis(servers.redisUrl, { maxRetriesPerRequest: null });
  context.atEnd('the connection to Redis', async () => redis.disconnect());
  const queues = new ScheduleQueues({
    connection: redis,
    installation: servers.installation,
    onError: (_queue, error) => context.say(error.message),
  });
  context.atEnd('the queues', () => queues.close());
  return {
    context,
    servers,
    store: collections(mongo.client, servers.databases),
    redis,
    queues,
    engineUrl: url,
  };
}

async function keeper({ context, servers, engineUrl }: Place): Promise<NodeProcess> {
  const child = context.node({
    script: 'test/bench/children/tick-keeper.ts',
    environment: { ...servers.environment, FAKE_ENGINE_URL: engineUrl, LOG_LEVEL: 'info' },
    nodeOptions: ['--expose-gc'],
  });
  await child.line((line) => line.includes('"msg":"ready"'), 60_000);
  return child;
}

async function memoryAtRest(place: Place): Promise<Memory> {
  const child = await keeper(place);
  await sleep(REST_MS, undefined, { signal: place.context.signal });
  const memory = await memoryOf(child);
  await endProcess(child);
  return memory;
}

async function memoryOf(child: NodeProcess): Promise<Memory> {
  const answer = child.line((line) => line.includes('"rss"'));
  child.kill('SIGUSR2');
  return JSON.parse(await answer) as Memory;
}

async function redisMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

/** Due in half a year, at seconds of their own: the most alarms and the most cron texts that so many can have. */
async function seed(store: Collections): Promise<string[]> {
  const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
  const ids = Array.from({ length: HELD }, () => newBotId());
  for (let from = 0; from < HELD; from += PAGE)
    await store.schedules.insertMany(
      ids.slice(from, from + PAGE).map((id, index) => {
        const at = from + index;
        const cron = `${at % 60} ${Math.floor(at / 60) % 60} ${Math.floor(at / 3600) % 24} ${1 + (Math.floor(at / 86_400) % 28)} ${month} *`;
        return scheduleDocument({ id, filePath: 'owner/code/1.0.0', cron });
      }),
    );
  return ids;
}

const untilAlarms = ({ redis, queues }: Place, count: number): Promise<unknown> =>
  until(async () => (await redis.zcard(queues.ticks.toKey('repeat'))) === count, {
    timeoutMs: 900_000,
    everyMs: 100,
    what: `${count} alarms`,
  });

/** Seconds from the loss of all of Redis' data until every alarm is there again. */
async function emptied(place: Place): Promise<number> {
  const beganMs = performance.now();
  await place.redis.flushall();
  await untilAlarms(place, HELD);
  const took = (performance.now() - beganMs) / 1000;
  place.context.say(`Redis emptied: whole again after ${took.toFixed(1)} s`);
  return took;
}

/** Looks at everything in this process, where nothing is to be done. */
async function quietResyncs({
  context,
  servers,
  store,
  queues,
}: Place): Promise<{ tookS: number[]; cpuS: number[] }> {
  const planner = new SchedulePlanner({
    collections: store,
    queues,
    operator: scheduleOperator(loadSettings(servers.environment)),
    now: Date.now,
  });
  const tookS: number[] = [];
  const cpuS: number[] = [];
  for (let run = 0; run <= RESYNCS; run += 1) {
    const before = process.cpuUsage();
    const look = await planner.resync();
    const { user, system } = process.cpuUsage(before);
    if (look.schedules !== HELD || look.changed + look.alarmsSet + look.alarmsRemoved > 0)
      throw new Error(`The schedules are not quiet: ${JSON.stringify(look)}`);
    context.say(`quiet reconcile: ${look.tookMs} ms`);
    // The first one compiles.
    if (run === 0) continue;
    tookS.push(look.tookMs / 1000);
    cpuS.push((user + system) / 1e6);
  }
  return { tookS, cpuS };
}

type Burst = { recordedS: number; queuedS: number; lost: number; doubled: number };

/** Gives some schedules a minute that comes soon, waits for it, and watches the records and the queue fill. */
async function sameMinute(place: Place, ids: readonly string[]): Promise<Burst> {
  const { context, store, queues } = place;
  const child = await keeper(place);
  const minuteMs = Math.ceil((Date.now() + LEAD_MS) / MINUTE_MS) * MINUTE_MS;
  const minute = new Date(minuteMs);
  const cron = `${minute.getUTCMinutes()} ${minute.getUTCHours()} * * *`;
  const among = new Set(ids);
  await store.schedules.updateMany({ id: { $in: [...ids] } }, { $set: { 'config.schedule': cron } });
  await until(async () => (await store.scheduleStatus.countDocuments({ nextAt: minute })) === ids.length, {
    timeoutMs: minuteMs - Date.now(),
    everyMs: 250,
    what: `${ids.length} schedules being planned for their minute`,
  });
  context.say(
    `${ids.length} are due at ${minute.toISOString()}, planned ${((minuteMs - Date.now()) / 1000).toFixed(1)} s before`,
  );
  await sleep(minuteMs - Date.now() - 500, undefined, { signal: context.signal });

  const [recorded, queued] = await Promise.all([
    sinceMinute(minuteMs, () => store.runs.countDocuments({ nominal: minute }), ids.length),
    sinceMinute(minuteMs, () => waiting(queues), ids.length),
  ]);
  context.say(`recorded after ${recorded.toFixed(2)} s, queued after ${queued.toFixed(2)} s`);
  // Whoever would double something has had the time for it then.
  await sleep(5_000, undefined, { signal: context.signal });
  const records = await store.runs.find({}).toArray();
  const jobs = await queues.runs.getJobs(
    ['wait', 'prioritized', 'delayed', 'active', 'completed', 'failed'],
    0,
    -1,
  );
  const jobsOf = Map.groupBy(jobs, ({ data }) => data.runId);
  const ledger = checkLedger({
    schedules: ids.map((id) => ({ id, cron, zone: 'UTC', max: 1 })),
    records,
    history: [],
    fromMs: minuteMs - 1,
    untilMs: minuteMs,
  });
  const foreign = records.filter(({ scheduleId }) => !among.has(scheduleId)).length;
  await endProcess(child, 30_000);
  return {
    recordedS: recorded,
    queuedS: Math.max(recorded, queued),
    lost: ledger.lost.length + records.filter(({ _id }) => !jobsOf.has(_id)).length,
    doubled:
      ledger.doubled.length +
      ledger.invented.length +
      foreign +
      [...jobsOf.values()].filter((same) => same.length > 1).length,
  };
}

async function waiting(queues: ScheduleQueues): Promise<number> {
  const counts = await queues.runs.getJobCounts('wait', 'prioritized', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

async function sinceMinute(minuteMs: number, count: () => Promise<number>, wanted: number): Promise<number> {
  await until(async () => (await count()) >= wanted, {
    timeoutMs: 60_000,
    everyMs: 20,
    what: `${wanted} of them`,
  });
  return (Date.now() - minuteMs) / 1000;
}

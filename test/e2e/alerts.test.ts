import { pathToFileURL } from 'node:url';
import { jetstreamManager, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../infra/pause.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { containerName } from '../../model/names.ts';
import { BotQueues } from '../../queues/queues.ts';
import { alertRules } from '../support/alert-rules.ts';
import { botDocument, newBotId, statusOf } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { endRunsByThemselves } from '../support/chaos-schedule-history.ts';
import type { Child } from '../support/chaos-world.ts';
import { panelQueries } from '../support/grafana-dashboard.ts';
import { observedInstallation, type ObservedInstallation } from '../support/observed-installation.ts';
import { until } from '../support/poll.ts';
import { testDirectory } from '../support/servers.ts';
import { stubTarget, type StubTarget } from '../support/stub-target.ts';
import { ToldProcess } from '../support/told-process.ts';

/** Long enough that a busy machine misses none by itself. */
const MISSED_AFTER_MS = 4_000;
const HANGS_MS = MISSED_AFTER_MS + 1_500;
const BETWEEN_HANGS_MS = 10_000;
const PRELOAD = pathToFileURL(join(import.meta.dirname, '../support/shift-date-preload.ts')).href;

/**
 * Brought about by a process that is told of, and not there (`ToldProcess`), since breaking that for real takes longer than a test
 * may, or a machine that may be spoilt.
 */
const TOLD: Readonly<Record<string, string>> = {
  StartsSlow: 'starts that take half a minute',
  JobsErrored: 'a fault of ours',
  EventsBehind: 'a platform that publishes faster than MongoDB stores',
  ResyncStale: 'a planner that hangs while it holds its lease',
  EventLoopBlocked: 'a process that computes for seconds on end',
  ProcessMemoryHigh: 'a process of more than 1.5 GB',
  ProcessRestarting: 'four starts of one process',
  VersionsDiffer: 'another version of the product',
  LogsLate: 'output that is saved five minutes late',
  StateSavesFailing: 'bots that write, on an engine that has files',
  DiskAlmostFull: 'a full disk',
  HostMemoryLow: 'a host without memory',
  GcStopped: 'a fleet of which most has gone',
  QueriesFailing: 'query programs, on an engine that runs them',
};

/** Names of alerts that were seen to fire and then to clear in this file. */
const seen = new Set<string>();
let all: ObservedInstallation;
let told: StubTarget;
let runner: Child;
let scheduler: Child;
const steady = newBotId();

const firing = async (): Promise<Map<string, string>> =>
  new Map((await all.prometheus.firing()).map(({ name, summary }) => [name, summary]));

/** All of them at the same time or one after the other; each with words. `again`: what is done until then, each second. */
async function fires(names: readonly string[], again?: () => Promise<unknown>): Promise<void> {
  const missing = new Set(names);
  let doneMs = 0;
  await until(
    async () => {
      for (const [name, summary] of await firing())
        if (missing.delete(name)) expect(summary, name).toMatch(/^[^<{]*\S{2}[^<{]*$/);
      if (missing.size === 0) return true;
      if (again !== undefined && performance.now() - doneMs > 1_000) {
        doneMs = performance.now();
        await again();
      }
      throw new Error(`not seen to fire: ${[...missing].join(', ')}`);
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
}

/** What is missed in one moment may lie between two looks of a Prometheus that is busy: it is missed again until that is seen. */
async function hangsNowAndThen(child: Child, over: AbortSignal): Promise<void> {
  for (;;) {
    await pause(BETWEEN_HANGS_MS, over);
    if (over.aborted) return;
    child.kill('SIGSTOP');
    await sleep(HANGS_MS);
    child.kill('SIGCONT');
  }
}

/** The producing end of queues, as Bull Board has it. */
async function withQueues(work: (queues: BotQueues) => Promise<void>): Promise<void> {
  const { redisUrl, installation } = all.own.servers;
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queues = new BotQueues({ connection, installation, onError: () => undefined });
  try {
    await work(queues);
  } finally {
    await queues.close();
    connection.disconnect();
  }
}

/** None of them fires any more. */
async function clears(names: readonly string[]): Promise<void> {
  await until(
    async () => {
      const still = await firing();
      const left = names.filter((name) => still.has(name));
      if (left.length > 0) throw new Error(`still fire: ${left.join(', ')}`);
      return true;
    },
    { timeoutMs: 90_000, everyMs: 100 },
  );
  for (const name of names) seen.add(name);
}

beforeAll(async () => {
  all = await observedInstallation({
    environment: {
      RECONCILE_INTERVAL: '500ms',
      CHECK_INTERVAL: '1s',
      BACKOFF_FIRST: '100ms',
      BACKOFF_MAX: '500ms',
      MISFIRE_AFTER: `${MISSED_AFTER_MS}ms`,
      LOG_DAY_MB: '1',
      LOG_RATE_KB: '1',
      LOG_FLUSH_AFTER: '500ms',
      LOG_FLUSH_MAX: '500ms',
    },
    instead: {
      'queue!="scheduled-run"}) > 120': 'queue!="scheduled-run"}) > 1',
      'the0:tick_lateness_seconds:p99 > 5': 'the0:tick_lateness_seconds:p99 > 4',
    },
  });
  endRunsByThemselves(all.fake.server.host, { minMs: 50, maxMs: 100, random: Math.random });
  told = await stubTarget();
  const { world, own } = all;
  const nats = await connect({ servers: own.servers.natsUrl });
  await ensureEventsStream(await jetstreamManager(nats));
  await nats.close();
  const { filePath, collections } = world;
  await collections.bots.insertOne(botDocument(steady, { filePath }));
  await collections.schedules.insertOne(scheduleDocument({ filePath, cron: '* * * * * *' }));
  [runner, scheduler] = await Promise.all([all.start('bot-runner'), all.start('bot-scheduler')]);
  await statusOf(collections.status, steady, ({ phase }) => phase === 'running', 30_000);
}, 120_000);

afterAll(async () => {
  await all?.[Symbol.asyncDispose]();
  await told?.[Symbol.asyncDispose]();
}, 60_000);

describe('an installation that a real Prometheus watches', () => {
  it('is quiet while all is well', async () => {
    await until(async () => (await all.prometheus.query('sum(up) == 3')).length === 1, { timeoutMs: 20_000 });
    let quiet = 0;
    await until(
      async () => {
        const alerts = [...(await firing()).keys()];
        quiet = alerts.length === 0 ? quiet + 1 : 0;
        if (quiet < 8) throw new Error(`fire: ${alerts.join(', ')}`);
        return true;
      },
      { timeoutMs: 30_000, everyMs: 125 },
    );
  });

  it('tells of bots that crash, cannot start, and lack their state, and of runs that fail', async () => {
    const { collections, filePath } = all.world;
    const { bots, schedules, status } = collections;
    const [crashing, broken, stateless] = [newBotId(), newBotId(), newBotId()];
    // Of no code at all: each of their runs fails at once.
    const failing = [1, 2, 3].map(() => scheduleDocument({ filePath: '', cron: '* * * * * *' }));
    await bots.insertMany([
      botDocument(crashing, { filePath }),
      botDocument(broken, { filePath, config: { memory_limit: 'much' } }),
    ]);
    await schedules.insertMany(failing);
    for (let crash = 1; crash <= 3; crash += 1) {
      await statusOf(status, crashing, ({ phase, lock }) => phase === 'running' && lock === null);
      await all.fake.engine.control.exit(containerName(all.own.servers.installation, crashing), 3);
      await statusOf(status, crashing, ({ consecutiveFailures }) => consecutiveFailures >= crash);
    }
    // Before its state cannot be had, which from then on is its trouble.
    await fires(['BotsCrashLooping']);
    all.s3.fault = (call) => (call.includes(`/${all.own.servers.installation}-state`) ? 'busy' : 'pass');
    await bots.insertOne(botDocument(stateless, { filePath }));
    const troubles = ['BotsFailed', 'BotsNotRunning', 'BotStateUnavailable', 'RunsFailing'];
    await fires(troubles);

    all.s3.fault = () => 'pass';
    await bots.deleteMany({ id: { $in: [crashing, broken] } });
    await schedules.deleteMany({ id: { $in: failing.map(({ id }) => id) } });
    await clears(['BotsCrashLooping', ...troubles]);
  });

  it('tells of messages that are no events, output that is left out, and a clock that is wrong', async () => {
    const skewed = all.start('processor', {
      NODE_OPTIONS: `--import=${PRELOAD}`,
      SHIFT_DATE: '90000@0',
    });
    const nats = await connect({ servers: all.own.servers.natsUrl });
    const line = `${'x'.repeat(10_000)}\n`;
    const container = containerName(all.own.servers.installation, steady);
    const lost = ['PoisonEvents', 'LogOutputLost', 'LiveLogsLeftOut'];
    await fires(lost, async () => {
      await jetstream(nats).publish('the0.bot.created', 'no JSON');
      for (let printed = 0; printed < 150; printed += 1) await all.fake.engine.control.print(container, line);
    });
    await nats.close();
    const child = await skewed;
    await fires(['ClockSkew']);
    child.kill('SIGKILL');
    all.forget(child);
    await clears([...lost, 'ClockSkew']);
  });

  it('tells of a scheduler that hangs, and of the ticks that nobody handled meanwhile', async () => {
    scheduler.kill('SIGSTOP');
    const longEnough = sleep(HANGS_MS);
    await fires(['ProcessDown', 'NobodyPlansSchedules']);
    await longEnough;
    scheduler.kill('SIGCONT');
    const over = new AbortController();
    const further = hangsNowAndThen(scheduler, over.signal);
    await fires(['TicksMissed', 'TicksLate']).finally(() => over.abort());
    await further;
    await clears(['ProcessDown', 'NobodyPlansSchedules', 'TicksMissed', 'TicksLate']);
  });

  it('tells of servers that are away, and of what cannot be done without them', async () => {
    const { mongo, redis, nats, s3 } = all.own.running;
    expect(await all.callApi('QueueService/ListQueues')).toBe(200);
    for (const server of [redis, nats, s3]) server.kill('SIGKILL');
    // While MongoDB answers: without, nobody is degraded, since nobody is ready.
    const degraded = ['ApiErrors', 'ProcessDegraded'];
    await fires(degraded, () => all.callApi('QueueService/ListQueues'));
    expect(await all.callApi('QueueService/ListQueues')).toBeGreaterThanOrEqual(500);
    await all.fake.engine.control.setUnavailable(true);
    mongo.kill('SIGSTOP');
    const away = ['MongoUnreachable', 'RedisUnreachable', 'NatsUnreachable', 'S3Unreachable'];
    const without = ['EventConsumerMissing', 'NobodyPlansBots', 'ProcessNotReady'];
    const gone = [...away, 'EngineUnreachable', ...without, 'LeaseNotHeld', 'EngineErrors'];
    await fires(gone);

    mongo.kill('SIGCONT');
    await Promise.all([redis, nats, s3].map((server) => server.restart()));
    await all.fake.engine.control.setUnavailable(false);
    const client = new Redis(all.own.servers.redisUrl);
    await fires(['RedisDataLost'], () => client.flushall());
    client.disconnect();
    await clears([...gone, ...degraded, 'RedisDataLost']);
  });

  it('tells of processors that are gone, and of the work that waits for them', async () => {
    runner.kill('SIGKILL');
    await withQueues((queues) =>
      queues.add([{ queue: 'start', job: { botId: steady, cause: 'a test' }, urgency: 'wish' }]),
    );
    const missing = [
      'ProcessDown',
      'NoProcessor',
      'NobodyPlansBots',
      'NobodyProcessesQueue',
      'QueueOldestWaiting',
    ];
    await fires(missing);
    all.forget(runner);
    runner = await all.start('bot-runner');
    await clears(missing);
  });

  it('tells of a queue that somebody has paused', async () => {
    await withQueues(async ({ byName: { restart } }) => {
      await restart.pause();
      await fires(['QueuePaused']);
      await restart.resume();
    });
    await clears(['QueuePaused']);
  });

  it('tells of a MongoDB without change streams', async () => {
    await using mongo = await startMongo({ dir: testDirectory(), replicaSet: false });
    const polling = await all.start('bot-scheduler', {
      INSTALLATION: `${all.own.servers.installation}-alone`,
      MONGO_URI: mongo.url,
      NATS_URL: '',
    });
    await fires(['DegradedPolling']);
    polling.kill('SIGKILL');
    all.forget(polling);
    await clears(['DegradedPolling']);
  });

  it('tells of what takes too long to break for real, as a process would tell of it', async () => {
    const [badly, well] = [new ToldProcess('badly'), new ToldProcess('well')];
    told.tell(() => badly.text());
    all.watch('processor', told);
    // The last look at all bots is its own alone: by one that was just taken, nothing is stale.
    all.forget(runner);
    await fires(Object.keys(TOLD));
    told.tell(() => well.text());
    all.watch('bot-runner', runner);
    await clears([...Object.keys(TOLD), 'NoProcessor', 'NobodyPlansBots']);
  });

  it('has data for every panel of the Grafana dashboard', async () => {
    const empty = new Map<string, string>();
    for (const { panel, query } of panelQueries('1h')) {
      const samples = await all.prometheus.query(query);
      if (!samples.some(({ value }) => Number.isFinite(value))) empty.set(panel, query);
    }
    expect(Object.fromEntries(empty)).toEqual({});
  });

  it('has seen every alert fire and clear', () => {
    expect([...seen].toSorted()).toEqual(
      alertRules()
        .map(({ alert }) => alert)
        .toSorted(),
    );
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { botDocument, newBotId } from '../support/bots.ts';
import { openWorld, untilWell, type Child, type World } from '../support/chaos-world.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { endProcess, type BenchContext, type BenchServers } from './harness/index.ts';
import { judgeStored, readLive, watchStored, type LiveReader, type StoredSeen } from './log-readers.ts';
import type { LineFindings } from './printed-lines.ts';

const BUCKET = 'bot-logs';
const LOOK_EVERY_MS = 300;
/** Bots whose logs are looked at all the time; the others only at the end. */
const LOOKED_AT = 10;
const PATIENCE_MS = 240_000;

/** What a trial asks for, and where. */
export type LogsTrial = {
  servers: BenchServers;
  engine: Engine;
  engineUrl?: string;
  bots: number;
  code: Readonly<Record<string, string>>;
  config?: Readonly<Record<string, unknown>>;
  environment?: Readonly<Record<string, string>>;
  /** Runs while they print; the trial's middle. */
  meanwhile: (stage: LogsStage) => Promise<void>;
  /** Ends the printing, and tells how many lines each bot printed. */
  printed: (botIds: readonly string[]) => Promise<Readonly<Record<string, number>>>;
};

export type LogsStage = {
  /** Kills the only processor with -9, and starts another at once. */
  kill: () => Promise<void>;
  /** Between the processors and S3; the readers go past it. */
  s3: FaultProxy;
  /** All bots run, and each has been heard of; epoch milliseconds. */
  beganMs: number;
};

export type LogsReport = {
  beganMs: number;
  endedMs: number;
  lines: number;
  live: LiveReader['seen'];
  stored: readonly StoredSeen[];
  inStorage: (LineFindings & { days: number })[];
  told: LineFindings[];
  kills: number;
};

/** Bots print, one processor carries it off, and readers at both ends check every line. */
export async function logsTrial(context: BenchContext, trial: LogsTrial): Promise<LogsReport> {
  const { servers } = trial;
  const s3 = await FaultProxy.start(servers.s3.port);
  context.atEnd('the proxy of S3', async () => s3[Symbol.asyncDispose]());
  const world = await openWorld({
    servers,
    engine: trial.engine,
    ...(trial.engineUrl === undefined ? {} : { engineUrl: trial.engineUrl }),
    environment: {
      NATS_URL: servers.natsUrl,
      S3_ENDPOINT: `127.0.0.1:${s3.port}`,
      S3_LOG_BUCKET: BUCKET,
      ...trial.environment,
    },
    code: trial.code,
  });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  await world.plan();
  const live = await readLive(servers.natsUrl);
  context.atEnd('the subscriber', async () => live[Symbol.asyncDispose]());

  let processor = await world.spawn('processor', {}, 60_000);
  let kills = 0;
  const kill = async (): Promise<void> => {
    kills += 1;
    processor = await successor(world, processor);
  };
  const botIds = Array.from({ length: trial.bots }, newBotId);
  const client = new Client(servers.s3);
  const stored = watchStored(client, BUCKET, botIds.slice(0, LOOKED_AT), LOOK_EVERY_MS);
  await world.collections.bots.insertMany(
    botIds.map((id) => botDocument(id, { filePath: world.filePath, config: { ...trial.config } })),
  );
  await untilWell(world, { timeoutMs: PATIENCE_MS, everyMs: 200 });
  const beganMs = Date.now();
  await trial.meanwhile({ kill, s3, beganMs });
  const printed = await trial.printed(botIds);
  const endedMs = Date.now();
  // At once, so that the last lines are there only if a container is not removed before they are saved.
  await restAll(world, botIds.length);
  await sleep(1_000);
  await stored.stop();
  const inStorage: LogsReport['inStorage'] = [];
  for (const id of botIds) inStorage.push(await judgeStored(client, BUCKET, id, printed[id] ?? 0));
  await endProcess(processor);
  return {
    beganMs,
    endedMs,
    lines: Object.values(printed).reduce((sum, count) => sum + count, 0),
    live: live.seen,
    stored: stored.seen,
    inStorage,
    told: botIds.map((id) => live.findings(id, printed[id] ?? 0)),
    kills,
  };
}

async function successor(world: World, processor: Child): Promise<Child> {
  processor.kill('SIGKILL');
  await processor.ended;
  return world.spawn('processor', {}, 60_000);
}

async function restAll(world: World, bots: number): Promise<void> {
  const { bots: documents, status } = world.collections;
  await documents.updateMany({}, { $set: { 'config.enabled': false } });
  await until(async () => (await status.countDocuments({ phase: 'stopped' })) === bots, {
    timeoutMs: PATIENCE_MS,
    everyMs: 200,
    what: 'the end of all bots',
  });
}

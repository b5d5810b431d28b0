import { readFileSync } from 'node:fs';
import { SettingsError } from '../../infra/config/load.ts';
import type { Settings } from '../../infra/config/settings.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { holdLease } from '../../infra/leases.ts';
import { OutageLog } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { codeLimits, CodeStore } from '../../processors/code/store.ts';
import type { ConvergeDeps } from '../../processors/converge.ts';
import { DesiredReader } from '../../processors/desired.ts';
import { ForeignContainers } from '../../processors/foreign.ts';
import { Images } from '../../processors/images.ts';
import { StartProblem } from '../../processors/errors.ts';
import { Launcher, type EgressGate } from '../../processors/launch.ts';
import { sweepPeriodically } from '../../processors/sweep.ts';
import { Semaphore } from '../../processors/semaphore.ts';
import { Standby } from '../../processors/standby.ts';
import { QueueWorker } from '../../processors/worker.ts';
import type { QueueName } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { createEgressGate } from './egress.ts';
import { AnotherEngine, assertOneEngine } from './one-engine.ts';
import type { Services } from './services.ts';

const HOUR_MS = 3_600_000;
const LOOK_AT_EGRESS_EVERY_MS = 15_000;
const ENGINE_BELIEVED_MS = 5_000;
const SWEEP_EVERY_MS = 600_000;

export type ProcessingOptions = { queues: readonly QueueName[]; concurrency: number };

/** Takes jobs off the given queues and converges their bots. */
export async function startProcessing(
  context: RoleContext,
  services: Services,
  options: ProcessingOptions,
): Promise<void> {
  const { lifecycle, log, settings } = context;
  const code = await codeStore(context, services, services.engine);
  const deps = convergeDeps(context, services, code);
  startSweeping(context, services, code);
  const standby = new Standby({ probe: () => mongoAnswers(services.mongo), log });
  const workers = options.queues.map(
    (queue) =>
      new QueueWorker({
        queue,
        connection: services.workerRedis(),
        installation: settings.INSTALLATION,
        concurrency: options.concurrency,
        deps,
        standby,
        log,
        onOutcome: (name, outcome) => services.queueMetrics.count(name, outcome),
        onError: () => {
          // The connection's own outage log has said it; without a listener the process would die of it.
        },
      }),
  );
  // The last hook registered runs first: nothing closes under a handler's feet.
  lifecycle.onStop('processors', async () => {
    standby.stop();
    await Promise.all(workers.map((worker) => worker.stop(settings.DRAIN_DEADLINE)));
  });
  for (const worker of workers) worker.start();
  standby.start();
}

/** Rejects at once where the driver knows already, and in two seconds where MongoDB is silent. */
async function mongoAnswers(mongo: MongoLink): Promise<void> {
  if (!mongo.connected) throw new Error('MongoDB is away');
  await mongo.ping();
}

/** One process at a time collects unused code. */
function startSweeping(
  { lifecycle, log, settings, owner }: RoleContext,
  { engine, collections }: Services,
  code: CodeStore,
): void {
  const sweeping = holdLease({
    collection: collections.leases,
    name: `${settings.INSTALLATION}:sweeper`,
    owner,
    signal: lifecycle.signal,
    log,
    onAcquired: ({ signal }) =>
      sweepPeriodically(
        { engine, code, unusedMs: settings.CODE_UNUSED_HOURS * HOUR_MS, log },
        { everyMs: SWEEP_EVERY_MS, signal, pause },
      ),
  });
  lifecycle.onStop('sweeper', () => sweeping);
}

function convergeDeps(context: RoleContext, services: Services, code: CodeStore): ConvergeDeps {
  const { settings, log, lifecycle, owner } = context;
  const { engine, collections, queues } = services;
  const images = new Images({ engine, log, ...registryAuth(context) });
  lifecycle.onStop('image pulls', () => images[Symbol.asyncDispose]());
  const launcher = new Launcher({
    engine,
    images,
    code,
    foreign: new ForeignContainers({ engine }),
    egress: keepGate(context, createEgressGate(context, engine, images)),
    sameEngine: engineCheck(services),
    slots: new Semaphore(settings.ENGINE_CONCURRENCY),
    settings,
    ...seccompProfile(settings),
    newId: () => crypto.randomUUID().slice(0, 13),
  });
  return {
    wishes: new DesiredReader(collections),
    statuses: collections.status,
    engine,
    launcher,
    owner,
    policy: {
      backoff: { firstMs: settings.BACKOFF_FIRST, maxMs: settings.BACKOFF_MAX },
      stableAfterMs: settings.STABLE_AFTER,
      stopGraceMs: settings.STOP_GRACE,
      lastOutputLines: settings.LAST_OUTPUT_LINES,
    },
    defer: (botId, delayMs, cause) =>
      queues.add([{ queue: 'start', job: { botId, cause }, urgency: 'event', delayMs }]),
    clock: { now: () => new Date(), random: Math.random },
  };
}

/**
 * Looks at the network now and then also when nothing starts: other software may flush the rules under running bots, and
 * looking puts them back. What cannot be put back shows in /readyz.
 */
function keepGate({ lifecycle, health, log }: RoleContext, gate: EgressGate): EgressGate {
  const outage = new OutageLog(log, 'The filter of the bots’ network');
  const look = async (): Promise<void> => {
    for (;;) {
      await pause(LOOK_AT_EGRESS_EVERY_MS, lifecycle.signal);
      if (lifecycle.signal.aborted) return;
      try {
        const { allowed, reason } = await gate();
        health.degrade('egress', allowed ? undefined : reason);
        outage.recovered();
      } catch (error) {
        outage.failed(error);
      }
    }
  };
  const looking = look();
  lifecycle.onStop('egress filter', () => looking);
  return gate;
}

/** The same engine as ever? Asked again every few seconds: a socket may come to lead to another one. */
function engineCheck({ engine, collections }: Services): () => Promise<void> {
  let latest: { check: Promise<void>; atMs: number } | undefined;
  return async () => {
    if (latest === undefined || performance.now() - latest.atMs > ENGINE_BELIEVED_MS)
      latest = { check: assertOneEngine(engine, collections.installation), atMs: performance.now() };
    try {
      await latest.check;
    } catch (error) {
      latest = undefined;
      if (!(error instanceof AnotherEngine)) throw error;
      // The bot is not to blame: it starts as soon as its own engine is back.
      throw new StartProblem(error.code, error.message, { retryable: true, cause: error });
    }
  };
}

/** Read once at start, so that a file that is missing stops the process and not every bot. */
function seccompProfile({ BOT_SECCOMP_PROFILE: path }: Settings): { seccompProfile?: string } {
  if (path === undefined) return {};
  try {
    const profile = readFileSync(path, 'utf8');
    JSON.parse(profile);
    return { seccompProfile: profile };
  } catch (error) {
    throw new SettingsError([
      `BOT_SECCOMP_PROFILE=${JSON.stringify(path)}: the profile cannot be read: ${(error as Error).message}`,
    ]);
  }
}

function registryAuth({ settings }: RoleContext): {
  auth?: { username: string; password: string; serverAddress: string };
} {
  const {
    IMAGE_REGISTRY_SERVER: serverAddress,
    IMAGE_REGISTRY_USERNAME: username,
    IMAGE_REGISTRY_PASSWORD: password,
  } = settings;
  if (serverAddress === undefined || username === undefined || password === undefined) return {};
  return { auth: { serverAddress, username, password } };
}

async function codeStore(context: RoleContext, services: Services, engine: Engine): Promise<CodeStore> {
  const { settings, log, health } = context;
  const s3 = new S3Client(s3Options(settings));
  health.check('s3', () => s3.bucketExists(settings.S3_CODE_BUCKET), { degradesOnly: true });
  const { id: engineId } = await engine.identify();
  return new CodeStore({
    s3,
    bucket: settings.S3_CODE_BUCKET,
    engine,
    engineId,
    volumes: services.collections.codeVolumes,
    limits: codeLimits(settings),
    log,
  });
}

import { EngineRefused } from '../../infra/engine/errors.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { messageOf } from '../../infra/message-of.ts';
import { pause } from '../../infra/pause.ts';
import { probeConditions, type HonouredConditions } from '../../infra/s3/probe.ts';
import { RUNTIME_IDS, runtimeOf } from '../../processors/entrypoints/index.ts';
import { createKeeping } from '../../processors/keep.ts';
import { NotKept, type Keeping } from '../../processors/keeping.ts';
import { logLimitsOf } from '../../processors/logs/batch.ts';
import { exclusiveByLease } from '../../processors/logs/exclusive.ts';
import { LogKeeper } from '../../processors/logs/keeper.ts';
import { LogMetrics } from '../../processors/logs/metrics.ts';
import { BucketMark } from '../../processors/state/bucket-mark.ts';
import { StateKeeper, stateLimits } from '../../processors/state/keeper.ts';
import { StateMetrics } from '../../processors/state/metrics.ts';
import { Allowances } from '../../processors/state/watch-allowances.ts';
import { BucketWatch } from '../../processors/state/watch-bucket.ts';
import { archiveEtags } from '../../processors/state/watch-etags.ts';
import { StateVolumes } from '../../processors/state/watch-volumes.ts';
import { StateWatch } from '../../processors/state/watch.ts';
import { doAlone } from './alone.ts';
import { ensureBuckets } from './buckets.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/** What keeps output and state, one for each process. */
export type KeepingParts = {
  keeping: Keeping;
  state: StateKeeper;
  /** Rejects while S3 is away, which is asked once what it can do. */
  logs: () => Promise<LogKeeper>;
  watch: StateWatch;
};

/** How long a start waits for the buckets to be there; without them nothing starts that has state. */
const BUCKETS_WITHIN_MS = 2_000;
const IMAGE_HELD_MS = 60_000;

export async function openKeeping(context: RoleContext, services: Services): Promise<KeepingParts> {
  const { settings, lifecycle } = context;
  const { s3 } = services;
  const mark = new BucketMark({
    s3,
    bucket: settings.S3_STATE_BUCKET,
    installation: services.collections.installation,
    now: () => services.clock.now(),
  });
  const buckets = ensureBuckets(context, services).then(() =>
    // Whoever needs it and does not find it makes it then.
    mark.ensure(lifecycle.signal).catch(() => undefined),
  );
  await Promise.race([buckets, pause(BUCKETS_WITHIN_MS, lifecycle.signal)]);
  const conditions = remembered(() =>
    probeConditions(s3, settings.S3_STATE_BUCKET, { signal: lifecycle.signal }),
  );
  const leases = new LeaseStore(services.collections.leases);
  const logs = logKeeper(context, services, { conditions, leases });
  return { ...stateParts(context, services, { mark, conditions, leases, logs }), logs };
}

function logKeeper(
  { settings, metrics, owner, log }: RoleContext,
  { engine, s3, collections, clock }: Services,
  { conditions, leases }: { conditions: () => Promise<HonouredConditions>; leases: LeaseStore },
): () => Promise<LogKeeper> {
  const reports = new LogMetrics({ registry: metrics.registry });
  return remembered(
    async () =>
      new LogKeeper({
        engine,
        s3,
        bucket: settings.S3_LOG_BUCKET,
        collections,
        ...logLimitsOf(settings),
        conditions: await conditions(),
        exclusive: exclusiveByLease({
          leases,
          installation: settings.INSTALLATION,
          owner,
          log,
        }),
        metrics: reports,
        now: () => clock.now(),
        log,
      }),
  );
}

function stateParts(
  { settings, owner, log, metrics }: RoleContext,
  { engine, s3, collections, clock, dataQueues, queues }: Services,
  {
    mark,
    conditions,
    leases,
    logs,
  }: {
    mark: BucketMark;
    conditions: () => Promise<HonouredConditions>;
    leases: LeaseStore;
    logs: () => Promise<LogKeeper>;
  },
): Omit<KeepingParts, 'logs'> {
  const { botState: states, bots, schedules, runs } = collections;
  const bucket = settings.S3_STATE_BUCKET;
  const now = (): Date => new Date(clock.now());
  const image = heldFor(IMAGE_HELD_MS, (signal) => anyImage(engine, settings, signal));
  const limits = stateLimits(settings);
  const allowances = new Allowances({
    documents: [bots, schedules],
    operator: { stateMb: settings.MAX_STATE_SIZE_MB, stateFiles: settings.MAX_STATE_FILES },
  });
  const volumes = new StateVolumes({ engine, states, bots, schedules, allowances, image });
  const state = new StateKeeper({
    s3,
    bucket,
    limits,
    engine,
    botState: states,
    image,
    conditions: async () => {
      const { create, replace } = await conditions();
      return create && replace;
    },
    assertOurBucket: (signal) => mark.assertOurs(signal),
    leases,
    owner,
    metrics: new StateMetrics({ registry: metrics.registry }),
    log,
    now: () => clock.now(),
    newId: () => crypto.randomUUID().slice(0, 13),
  });
  const keeping = createKeeping({
    engine,
    output: async (id, containerId, signal) => (await orNotKept(logs)).output(id, containerId, signal),
    state,
    states,
    leases,
    owner,
    volumes,
    allowances,
    saves: dataQueues,
    now,
    log,
  });
  const watch = new StateWatch({
    volumes,
    states,
    runs,
    allowances,
    bucket: new BucketWatch({
      volumes,
      states,
      archives: {
        etags: (signal) => archiveEtags(s3, bucket, signal),
        examine: (id, signal) => state.examine(id, signal),
      },
      allowances,
      limits,
      queues,
      now,
      log,
    }),
    saves: dataQueues,
    queues,
    policy: {
      checkEveryMs: settings.STATE_CHECK_INTERVAL,
      saveEveryMs: settings.STATE_SAVE_INTERVAL,
      platformEveryMs: settings.STATE_PLATFORM_INTERVAL,
    },
    clock: { now, monotonicMs: () => performance.now() },
    log,
  });
  return { keeping, state, watch };
}

/** One process at a time watches the state of what runs. */
export function startStateWatch(context: RoleContext, { collections }: Services, watch: StateWatch): void {
  doAlone(context, collections, {
    lease: 'state-watch',
    what: 'state watch',
    work: ({ signal }) => watch.run(signal),
  });
}

async function orNotKept(logs: () => Promise<LogKeeper>): Promise<LogKeeper> {
  try {
    return await logs();
  } catch (error) {
    throw new NotKept(`Object storage is away: ${messageOf(error)}`, { cause: error });
  }
}

/** Helpers on volumes only need a shell: the image of whatever is there, or of any runtime that was ever used. */
async function anyImage(
  engine: Services['engine'],
  settings: RoleContext['settings'],
  signal: AbortSignal,
): Promise<string> {
  const [container] = await engine.list({}, { signal });
  if (container !== undefined) return container.image;
  for (const id of RUNTIME_IDS) {
    const image = await engine.resolveImage(runtimeOf(id).image(settings), { signal });
    if (image !== undefined) return image;
  }
  throw new EngineRefused('The engine has no image of any runtime yet, so that no volume can be looked at');
}

/** Found anew after a while: an image may be removed. */
function heldFor<T>(ms: number, find: (signal: AbortSignal) => Promise<T>): typeof find {
  let held: { value: T; untilMs: number } | undefined;
  return async (signal) => {
    if (held === undefined || held.untilMs < performance.now())
      held = { value: await find(signal), untilMs: performance.now() + ms };
    return held.value;
  };
}

/** What was found out once; asked again as long as that fails. */
function remembered<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => {
    found ??= find().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

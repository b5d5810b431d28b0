import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { SettingsError } from '../../infra/config/load.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { endpointOptions, parseEndpoint } from '../../infra/engine/docker/endpoint.ts';
import { engineFolder, hostMetrics } from '../../infra/host-metrics.ts';
import { ownContainerId } from '../../infra/own-container.ts';
import { codeLimits, CodeStore } from '../../processors/code/store.ts';
import { ForeignContainers } from '../../processors/foreign.ts';
import { ImageRecords } from '../../processors/image-records.ts';
import { Images } from '../../processors/images.ts';
import type { LauncherDeps } from '../../processors/launch.ts';
import { EngineRoom } from '../../processors/engine-room.ts';
import { Semaphore } from '../../processors/semaphore.ts';
import { queuePrefix } from '../../queues/queues.ts';
import type { RoleContext } from './context.ts';
import { createEgressGate, keepGate } from './egress.ts';
import { openKeeping, type KeepingParts } from './keeping.ts';
import { engineCheck } from './one-engine.ts';
import type { Services } from './services.ts';

/** One for each process: pulls, unpacked code and the engine's patience are shared. */
export type Launching = LauncherDeps & KeepingParts & { code: CodeStore };

/**
 * What starting a container takes, whether of a bot or of a run. Resolves once the engine has answered.
 */
export async function launching(context: RoleContext, services: Services): Promise<Launching> {
  const { settings, log, lifecycle } = context;
  const { engine, collections } = services;
  const seccomp = seccompProfile(settings);
  const engineId = await services.engineReady();
  await reportHost(context, services);
  const images = new Images({
    engine,
    log,
    records: new ImageRecords(collections.pulledImages, () => services.clock.now()),
    ...registryAuth(context),
  });
  lifecycle.onStop('image pulls', () => images[Symbol.asyncDispose]());
  return {
    engine,
    images,
    code: codeStore(context, services, engineId),
    foreign: new ForeignContainers({ engine }),
    egress: keepGate(context, createEgressGate(context, engine, images)),
    sameEngine: engineCheck(engine, collections.installation),
    slots: slotsOn(engineId, context, services),
    settings,
    ...(await openKeeping(context, services)),
    ...seccomp,
    newId: () => crypto.randomUUID().slice(0, 13),
  };
}

/** The engine's own folder only where it is one of this machine. */
async function reportHost({ settings, metrics }: RoleContext, { engine }: Services): Promise<void> {
  // Asked once: that the engine is away just now says nothing of where it keeps what it has.
  const folder = await engine.hostFacts().then(
    (facts) => facts.folder,
    () => undefined,
  );
  const isSocket = parseEndpoint(endpointOptions(settings)).kind === 'socket';
  const isContained = isSocket && ownContainerId() !== undefined;
  const engineOn = folder === undefined ? {} : { engine: engineFolder(folder, { isContained }) };
  const folders = { temporary: tmpdir(), ...engineOn };
  hostMetrics({ registry: metrics.registry, folders });
}

/** Starts at once, whatever number of processes starts containers on this engine. */
function slotsOn(engineId: string, { settings }: RoleContext, { redis }: Services): Semaphore {
  const { INSTALLATION: installation, ENGINE_CONCURRENCY: limit } = settings;
  const key = `${queuePrefix(installation)}:starts:${engineId}`;
  return new Semaphore(limit, new EngineRoom({ redis, key, limit }));
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

function codeStore(context: RoleContext, { engine, collections, s3 }: Services, engineId: string): CodeStore {
  const { settings, log, health } = context;
  health.check('s3', () => s3.bucketExists(settings.S3_CODE_BUCKET), { degradesOnly: true });
  return new CodeStore({
    s3,
    bucket: settings.S3_CODE_BUCKET,
    engine,
    engineId,
    volumes: collections.codeVolumes,
    limits: codeLimits(settings),
    log,
  });
}

import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { endpointOptions, parseEndpoint } from '../../infra/engine/docker/endpoint.ts';
import { EngineUnavailable } from '../../infra/engine/errors.ts';
import type { Engine, EngineCapabilities, EngineIdentity } from '../../infra/engine/port.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { createLogger } from '../../infra/logger.ts';
import { RUNTIME_IDS, runtimeOf } from '../../processors/entrypoints/index.ts';
import { away, bad, ok, warn, type Check } from './check.ts';
import { NoAnswer, PATIENCE_MS, reasonOf, type Probed } from './probed.ts';
import { isOlder } from './versions.ts';

/** The first one whose containers may have control groups of their own. */
const LEAST_DOCKER = '20.10';

export type EngineFacts = { where: string; identity: EngineIdentity; capabilities: EngineCapabilities };
export type ImageFacts = { reference: string; runtimes: readonly string[]; present: boolean };

/** Throws `EngineRefused` where DOCKER_HOST is not understood. */
export function openEngine(settings: Settings, callTimeoutMs: number = PATIENCE_MS - 500): Engine {
  return createDockerEngine({
    installation: settings.INSTALLATION,
    log: createLogger({ level: 'silent', service: 'cli' }),
    callTimeoutMs,
    ...endpointOptions(settings),
  });
}

export async function probeEngine(settings: Settings, signal: AbortSignal): Promise<EngineFacts> {
  const engine = openEngine(settings);
  await using _ = engine;
  const { label } = parseEndpoint(endpointOptions(settings));
  const [identity, capabilities] = await Promise.all([
    engine.identify({ signal }),
    engine.capabilities({ signal }),
  ]);
  return { where: label, identity, capabilities };
}

/** Each image once, with the runtimes that use it. */
export async function probeImages(settings: Settings, signal: AbortSignal): Promise<ImageFacts[]> {
  const engine = openEngine(settings);
  await using _ = engine;
  const byImage = Map.groupBy(RUNTIME_IDS, (id) => runtimeOf(id).image(settings));
  return await Promise.all(
    [...byImage].map(async ([reference, runtimes]) => ({
      reference,
      runtimes,
      present: (await engine.resolveImage(reference, { signal })) !== undefined,
    })),
  );
}

export function engineCheck(probed: Probed<EngineFacts>): Check {
  const name = 'engine';
  if ('found' in probed) {
    const { identity, where } = probed.found;
    if (identity.product === 'docker' && isOlder(identity.version, LEAST_DOCKER))
      return bad(name, `docker ${identity.version} at ${where} is too old`, `use ${LEAST_DOCKER} or later`);
    return ok(name, `${identity.product} ${identity.version} at ${where}, which this user may use`);
  }
  const { error } = probed;
  const reason = reasonOf(error);
  if (!(error instanceof EngineUnavailable || error instanceof NoAnswer))
    return bad(name, reason, 'check that DOCKER_HOST names a Docker Engine');
  // The engine's own errors end with their cure.
  const [, what, cure] = /^(.*\)): (.+)$/.exec(reason) ?? [];
  return away(name, what ?? reason, cure ?? 'check that Docker runs and that DOCKER_HOST is right');
}

/** Whether the installation is bound to this engine; `stored` is undefined while MongoDB is away. */
export function engineIdCheck(
  installation: string,
  engine: EngineFacts | undefined,
  stored: { id: string | undefined } | undefined,
): Check {
  const name = 'engine id';
  if (engine === undefined || stored === undefined)
    return warn(
      name,
      `not compared: ${engine === undefined ? 'the engine' : 'MongoDB'} did not answer`,
      'mend that first, then ask again',
    );
  const met = engine.identity.id;
  if (stored.id === undefined)
    return ok(name, `${met}; none is stored yet, the first processor binds the installation to it`);
  if (stored.id === met) return ok(name, `${met}, as stored`);
  return bad(
    name,
    `installation ${installation} belongs to the engine ${stored.id}, but this is ${met}: processors refuse to act here`,
    `point DOCKER_HOST at the first engine, set another INSTALLATION, or, if that engine is gone for good, delete the document "engine:${installation}" from the collection "installation"`,
  );
}

export function imageChecks(probed: Probed<readonly ImageFacts[]>): Check[] {
  if ('error' in probed)
    return [warn('images', `not known: ${reasonOf(probed.error)}`, 'mend the engine first, then ask again')];
  return probed.found.map(({ reference, runtimes, present }) => {
    const name = `image ${reference}`;
    const used = `for ${runtimes.join(', ')}`;
    return present
      ? ok(name, `present, ${used}`)
      : warn(
          name,
          `absent, ${used}: pulled when the first such bot starts`,
          '`npm run images` pulls it, or builds it where no registry can be reached',
        );
  });
}

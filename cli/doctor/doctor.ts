import { findTarget, type Target } from '../target.ts';
import { capabilityChecks } from './capabilities.ts';
import type { Check } from './check.ts';
import { egressCheck, probeEgress } from './egress.ts';
import { engineCheck, engineIdCheck, imageChecks, probeEngine, probeImages } from './engine.ts';
import { nodeCheck, settingsChecks, settingsFailures } from './host.ts';
import { mongoCheck, probeMongo } from './mongo.ts';
import { natsChecks, probeNats } from './nats.ts';
import { foundBy, probe } from './probed.ts';
import { probeRedis, redisChecks } from './redis.ts';
import { probeS3, s3Check } from './s3.ts';

/** Looks at everything, all at once, in bounded time. Never rejects; changes nothing anywhere. */
export async function examine(flags: Readonly<Record<string, unknown>>): Promise<Check[]> {
  const node = nodeCheck(process.versions.node);
  let target: Target;
  try {
    target = findTarget(flags);
  } catch (error) {
    return [node, ...settingsFailures(error)];
  }
  const { settings, environment, origin } = target;
  const { NATS_URL: natsUrl } = settings;
  const [mongo, nats, redis, s3, engine, images, egress] = await Promise.all([
    probe((signal) => probeMongo(settings, signal)),
    natsUrl === undefined ? undefined : probe((signal) => probeNats(natsUrl, signal)),
    probe((signal) => probeRedis(settings.REDIS_URL, signal)),
    probe((signal) => probeS3(settings, signal)),
    probe((signal) => probeEngine(settings, signal)),
    probe((signal) => probeImages(settings, signal)),
    probe((signal) => probeEgress(settings, signal)),
  ]);
  const engineFacts = foundBy(engine);
  const mongoFacts = foundBy(mongo);
  return [
    node,
    ...settingsChecks(environment, origin, settings.INSTALLATION),
    mongoCheck(mongo),
    ...natsChecks(nats),
    ...redisChecks(redis),
    s3Check(s3),
    engineCheck(engine),
    engineIdCheck(
      settings.INSTALLATION,
      engineFacts,
      mongoFacts === undefined ? undefined : { id: mongoFacts.storedEngineId },
    ),
    ...(engineFacts === undefined ? [] : capabilityChecks(engineFacts.capabilities, settings)),
    egressCheck(egress, settings),
    ...imageChecks(images),
  ];
}

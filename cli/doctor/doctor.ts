import { release } from 'node:os';
import { contradictionsIn } from '../../infra/config/contradictions.ts';
import { productVersion } from '../paths.ts';
import { findTarget, type Target } from '../target.ts';
import { capabilityChecks, engineHostChecks } from './capabilities.ts';
import { inGroup, type Check } from './check.ts';
import { cisCheck, cisRows, probeCis, type CisRow } from './cis.ts';
import { clockChecks } from './clock.ts';
import { egressCheck, probeEgress } from './egress.ts';
import { engineCheck, engineIdCheck, imageChecks, probeEngine, probeImages } from './engine.ts';
import { contradictionChecks, nodeCheck, settingsChecks, settingsFailures, versionCheck } from './host.ts';
import { limitChecks } from './limits.ts';
import { probeMachine } from './machine.ts';
import { mongoCheck, probeMongo } from './mongo.ts';
import { natsChecks, probeNats } from './nats.ts';
import { notificationChecks, probeReceivers } from './notifications.ts';
import { permissionChecks } from './permissions.ts';
import { foundBy, probe } from './probed.ts';
import { probeRedis, redisChecks } from './redis.ts';
import { probeS3, s3Check, s3ConditionsChecks } from './s3.ts';

/** `cis`: one row for each item of section 5; absent where no container was looked at. */
export type Examination = { checks: Check[]; cis: CisRow[] };

/** Looks at everything, all at once, in bounded time. Never rejects; leaves nothing behind. */
export async function examine(flags: Readonly<Record<string, unknown>>): Promise<Examination> {
  const machine = [
    versionCheck(productVersion(), `${process.platform} ${release()}`),
    nodeCheck(process.versions.node),
  ];
  let target: Target;
  try {
    target = findTarget(flags);
  } catch (error) {
    return {
      checks: [...inGroup('This machine', machine), ...inGroup('Settings', settingsFailures(error))],
      cis: [],
    };
  }
  const found = await askAll(target);
  return { checks: judge(target, machine, found), cis: rowsOf(found) };
}

type Found = Awaited<ReturnType<typeof askAll>>;

async function askAll({ settings, environment }: Target) {
  const { NATS_URL: natsUrl } = settings;
  const [mongo, nats, redis, s3, engine, images, egress, here, cis, receivers] = await Promise.all([
    probe((signal) => probeMongo(settings, signal)),
    natsUrl === undefined ? undefined : probe((signal) => probeNats(natsUrl, signal)),
    probe((signal) => probeRedis(settings.REDIS_URL, signal)),
    probe((signal) => probeS3(settings, signal)),
    probe((signal) => probeEngine(settings, signal)),
    probe((signal) => probeImages(settings, signal)),
    probe((signal) => probeEgress(settings, signal)),
    probe((signal) => probeMachine(settings, environment, signal)),
    probe((signal) => probeCis(settings, signal)),
    probeReceivers(settings),
  ]);
  return { mongo, nats, redis, s3, engine, images, egress, here, cis, receivers };
}

function judge({ settings, environment, origin }: Target, machine: readonly Check[], found: Found): Check[] {
  const { mongo, nats, redis, s3, engine, images, egress, here, cis, receivers } = found;
  const engineFacts = foundBy(engine);
  const mongoFacts = foundBy(mongo);
  const machineFacts = foundBy(here);
  const skews = { mongo: mongoFacts?.skewMs, redis: foundBy(redis)?.skewMs, s3: foundBy(s3)?.skewMs };
  return [
    ...inGroup('This machine', [
      ...machine,
      ...(machineFacts === undefined ? [] : permissionChecks(machineFacts, settings)),
      ...clockChecks(skews),
    ]),
    ...inGroup('Settings', [
      ...settingsChecks(environment, origin, settings.INSTALLATION),
      ...contradictionChecks(contradictionsIn(settings)),
    ]),
    ...inGroup('Servers', [
      mongoCheck(mongo),
      ...natsChecks(nats),
      ...redisChecks(redis),
      s3Check(s3),
      ...s3ConditionsChecks(s3),
    ]),
    ...inGroup('Notifications', notificationChecks(receivers, settings)),
    ...inGroup('Engine', [
      engineCheck(engine),
      engineIdCheck(
        settings.INSTALLATION,
        engineFacts,
        mongoFacts === undefined ? undefined : { id: mongoFacts.storedEngineId },
      ),
      ...(engineFacts === undefined ? [] : capabilityChecks(engineFacts.capabilities, settings)),
      ...(machineFacts?.engine === undefined ? [] : engineHostChecks(machineFacts.engine, settings)),
    ]),
    ...inGroup('Network of bots', [egressCheck(egress, settings)]),
    ...inGroup(
      'Limits for 1,000 containers',
      machineFacts === undefined ? [] : limitChecks(machineFacts, settings),
    ),
    ...inGroup('Images', imageChecks(images)),
    ...inGroup('Containers', [cisCheck(cis)]),
  ];
}

function rowsOf({ cis }: Found): CisRow[] {
  const facts = foundBy(cis);
  return facts === undefined || facts.containers.length === 0 ? [] : cisRows(facts);
}

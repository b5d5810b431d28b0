import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../../infra/config/settings.ts';
import { checkEgress } from '../../../infra/engine/egress/index.ts';
import type { ContainerSpec, Engine } from '../../../infra/engine/port.ts';
import type { Logger } from '../../../infra/logger.ts';
import { networkName } from '../../../infra/engine/names.ts';
import { runtimeOf } from '../../../processors/entrypoints/index.ts';
import { CliError } from '../../errors.ts';
import { egressPlanOn } from '../../roles/egress.ts';
import { openDoor, surroundings } from './around.ts';
import { ProbeContainers, sweepEarlierProbes, type RunningBot } from './containers.ts';
import { findingsIn, type FilterFact, type ProbeFacts } from './facts.ts';
import {
  neighbourConfig,
  probeConfig,
  processesTried,
  serverAddresses,
  targetsOf,
  type ProbePlan,
} from './plan.ts';
import { RUNTIME } from './probe-spec.ts';
import { digestsOf, leaksIn, secretsOf, type Secret } from './secrets.ts';

export type ProbeOptions = { settings: Settings; engine: Engine; log: Logger; signal: AbortSignal };

/** The bots end by themselves after this, should nobody be left to end them. */
const BOT_SECONDS = 40;
const NEIGHBOUR_SECONDS = 55;
const NEIGHBOUR_PORT = 7_411;
const NEIGHBOUR_WITHIN_MS = 15_000;
/** Enough to try everything with, and little enough to be filled in a moment. */
const MEMORY_LIMIT_MB = 256;
const ANSWERS_EVERY_MS = 300;
const MB = 2 ** 20;

/**
 * Starts two bots, has one of them try what no bot may, and removes both again, whatever happens. Throws `CliError`, the
 * engine's errors, or the signal's reason.
 */
export async function runProbe(options: ProbeOptions): Promise<ProbeFacts> {
  const { settings, engine, signal } = options;
  const begunMs = performance.now();
  await sweepEarlierProbes(engine);
  const { bridge } = await engine.ensureNetwork({ signal });
  const image = await imageOf(options);
  const [capabilities, host, filter] = await Promise.all([
    engine.capabilities({ signal }),
    engine.hostFacts({ signal }),
    filterFact(settings, bridge),
  ]);
  const secrets = secretsOf(settings);
  await using bots = new ProbeContainers({ ...options, image, ...seccompOf(settings) });
  const neighbour = await bots.start(neighbourConfig(NEIGHBOUR_PORT, NEIGHBOUR_SECONDS), signal);
  const address = await listening(engine, neighbour, signal);
  await using door = await openDoor(host.botNetwork?.gateway);
  const targets = targetsOf(serverAddresses(settings), {
    ...(await surroundings(settings, host.botNetwork?.gateway)),
    hostPort: door.port,
    neighbour: { address, names: [neighbour.spec.name], port: NEIGHBOUR_PORT },
  });
  const limit =
    settings.BOT_MEMORY_LIMIT_MB > MEMORY_LIMIT_MB ? { memory_limit: `${MEMORY_LIMIT_MB}Mi` } : {};
  const salt = randomBytes(16);
  const plan = { targets, ...givenTo(neighbour.spec, settings), secrets: secrets.length };
  const given = { ...plan, memoryMb: Math.min(plan.memoryMb, MEMORY_LIMIT_MB) };
  const told = { salt, secrets: digestsOf(secrets, salt), seconds: BOT_SECONDS };
  const bot = await bots.start({ ...probeConfig(given, told), ...limit }, signal);
  const slowestAnswerMs = await whileAsking(engine, signal, () => engine.wait(bot.id, { signal }));
  return {
    plan: given,
    filter,
    capabilities,
    host,
    slowestAnswerMs,
    ...(await evidence(engine, bot, secrets, signal)),
    neighbour: findingsIn(await outputOf(engine, neighbour.id, signal)),
    tookMs: performance.now() - begunMs,
  };
}

async function imageOf({ settings, engine, signal }: ProbeOptions): Promise<string> {
  const reference = runtimeOf(RUNTIME).image(settings);
  const image = await engine.resolveImage(reference, { signal });
  if (image !== undefined) return image;
  throw new CliError(
    `The probe is a Python bot, and the engine has no image ${reference}: \`npm run images\` pulls it, or builds it where no registry can be reached`,
  );
}

function seccompOf({ BOT_SECCOMP_PROFILE: path }: Settings): { seccompProfile?: string } {
  return path === undefined ? {} : { seccompProfile: readFileSync(path, 'utf8') };
}

async function filterFact(settings: Settings, bridge: string): Promise<FilterFact> {
  if (settings.EGRESS_FILTER === 'off')
    return { inForce: undefined, reason: 'EGRESS_FILTER=off: somebody else filters' };
  if (process.getuid?.() !== 0) return { inForce: undefined, reason: 'only root can look at the rules' };
  const state = await checkEgress(await egressPlanOn(settings, bridge));
  return state.filtered ? { inForce: true, reason: `in force on ${bridge}` } : { inForce: false, ...state };
}

/** What a bot of that spec is given. */
function givenTo(
  { limits, tmpfs }: ContainerSpec,
  settings: Settings,
): Omit<ProbePlan, 'targets' | 'secrets'> {
  return {
    memoryMb: Math.floor(limits.memoryBytes / MB),
    pids: limits.pids,
    processes: processesTried(limits.pids),
    fileMb: Math.floor((limits.fileBytes ?? 0) / MB),
    stateMb: settings.MAX_STATE_SIZE_MB,
    tmpfs: {
      ...Object.fromEntries(tmpfs.map(({ path, sizeMb }) => [path, sizeMb])),
      '/dev/shm': Math.floor(limits.shmBytes / MB),
    },
  };
}

/** The neighbour's address, once it hears: else not reaching it would prove nothing. */
async function listening(engine: Engine, { id }: RunningBot, signal: AbortSignal): Promise<string> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(NEIGHBOUR_WITHIN_MS)]);
  let said = '';
  while (!within.aborted) {
    said = await outputOf(engine, id, signal);
    const address = findingsIn(said).find(
      ({ probe, result }) => probe === 'neighbour' && result === 'listens',
    );
    if (address !== undefined) return address.what;
    const detail = await engine.inspect(id, { signal });
    if (detail?.exitCode !== undefined) break;
    await sleep(100, undefined, { signal: within }).catch(() => undefined);
  }
  signal.throwIfAborted();
  throw new CliError(
    `The first of the probe’s bots did not come up on ${networkName(engine.installation)}: ${said.trim().slice(-500) || 'it said nothing'}`,
  );
}

/** The slowest answer of the engine meanwhile; undefined where it failed to answer. */
async function whileAsking(
  engine: Engine,
  signal: AbortSignal,
  work: () => Promise<unknown>,
): Promise<number | undefined> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  let slowest: number | undefined = 0;
  const asking = (async () => {
    while (!either.aborted) {
      const askedMs = performance.now();
      const answered = await engine.identify({ signal }).then(
        () => true,
        () => false,
      );
      slowest =
        answered && slowest !== undefined ? Math.max(slowest, performance.now() - askedMs) : undefined;
      await sleep(ANSWERS_EVERY_MS, undefined, { signal: either }).catch(() => undefined);
    }
  })();
  try {
    await work();
  } finally {
    done.abort();
    await asking;
  }
  return slowest;
}

type Evidence = Pick<ProbeFacts, 'findings' | 'confinement' | 'oomKilled' | 'exitCode' | 'leaks'>;

async function evidence(
  engine: Engine,
  { id, spec }: RunningBot,
  secrets: readonly Secret[],
  signal: AbortSignal,
): Promise<Evidence> {
  const [output, detail, confinement] = await Promise.all([
    outputOf(engine, id, signal),
    engine.inspect(id, { signal }),
    engine.confinement(id, { signal }),
  ]);
  if (detail === undefined || confinement === undefined)
    throw new CliError('The probe’s container was removed by somebody else while it ran: ask again');
  return {
    findings: findingsIn(output),
    confinement,
    oomKilled: detail.oomKilled,
    exitCode: detail.exitCode,
    leaks: [
      ...leaksIn(JSON.stringify(detail.labels), 'its labels', secrets),
      ...leaksIn(JSON.stringify([spec.env, spec.command]), 'its environment and command', secrets),
      ...leaksIn(output, 'its output', secrets),
    ],
  };
}

async function outputOf(engine: Engine, id: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const { data } of engine.logs(id, { signal })) chunks.push(data);
  return Buffer.concat(chunks).toString();
}

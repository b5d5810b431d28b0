import { createWriteStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadSettings, type Environment } from '../../infra/config/load.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { ensureImages } from '../../infra/images/ensure.ts';
import { Lifecycle } from '../../infra/lifecycle.ts';
import { ensureEngine } from '../../infra/local/engine.ts';
import { ensureServers } from '../../infra/local/ensure.ts';
import type { Progress } from '../../infra/local/types.ts';
import { createLogger, type Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import { ScheduleControl } from '../../producers/control/schedules.ts';
import { withJetStream } from '../connections.ts';
import { explainFailure } from '../errors.ts';
import { ROOT } from '../paths.ts';
import type { ControlServer } from '../../producers/control/server/control-server.ts';
import { connectionsOf } from '../roles/api-connections.ts';
import { startControlApi } from '../roles/controller.ts';
import { startStorageSweeps } from '../roles/gc.ts';
import { startQueryServer } from '../roles/queries.ts';
import { startEverything } from '../roles/everything.ts';
import type { Services } from '../roles/services.ts';
import { openProcess, type RunningProcess } from '../run-role.ts';
import { upFilePath, type Target } from '../target.ts';
import { claimUp, releaseUp, updateUp, type UpFile } from '../up-file.ts';
import { clearEgress } from './clear-egress.ts';
import { portFor, settingsOf } from './environment.ts';
import { createFirstToken } from './first-token.ts';
import { deployExamples, isNewInstallation, type Examples } from './examples.ts';
import { identityOf } from './identity.ts';
import { pauseBots, resumeBots } from './pause-bots.ts';
import { createScreen, type Screen } from './screen.ts';
import { untilRunning, watchBots } from './watch-bots.ts';
import { untilSucceeded, watchSchedules } from './watch-schedules.ts';

export type UpOptions = { environment: Environment; dataDir?: string; examples: boolean; keepBots: boolean };

/** Servers that were started have to end too, mongod's orderly end among them. */
const ERROR_DEADLINE_MS = 20_000;
const EXAMPLES_TIMEOUT_MS = 120_000;

/** Brings everything up in this process and returns once it runs; signals end it. */
export async function up(options: UpOptions): Promise<void> {
  const dataDir = resolve(options.dataDir ?? join(ROOT, '.data'));
  const screen = createScreen(process.stdout);
  const upFile = upFilePath(options.environment);
  const settings = loadSettings(options.environment);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const claim = claimUp(upFile, { startedAt: new Date().toISOString(), dataDir, env: {} });
  const { log, close } = openLog(join(dataDir, 'runtime.log'), settings.LOG_LEVEL);
  const lifecycle = new Lifecycle({
    log,
    drainDeadlineMs: settings.DRAIN_DEADLINE,
    errorDeadlineMs: ERROR_DEADLINE_MS,
  });
  lifecycle.onStop('log file', close);
  lifecycle.onStop('up file', () => releaseUp(upFile));
  lifecycle.install();
  try {
    await bringUp({ ...options, dataDir, screen, upFile, claim, log, lifecycle });
  } catch (error) {
    // A start that was interrupted ends the way any stop does.
    if (lifecycle.state === 'draining' || lifecycle.state === 'stopped') return;
    await lifecycle.stop({ kind: 'error', error });
    throw error;
  }
}

type World = UpOptions & {
  dataDir: string;
  screen: Screen;
  upFile: string;
  claim: UpFile;
  log: Logger;
  lifecycle: Lifecycle;
};

async function bringUp(world: World): Promise<void> {
  const { screen, lifecycle, upFile, claim } = world;
  screen.line(`the0-runtime: data in ${world.dataDir}`);
  const environment = await startServers(world);
  const settings = loadSettings(environment);
  const target: Target = { settings, environment, origin: 'of this `up`' };
  await withJetStream(target, (_js, jsm) => ensureEventsStream(jsm));

  const running = await openProcess({
    service: 'up',
    settings,
    environment,
    log: world.log,
    lifecycle,
    healthPort: await portFor('HEALTH_PORT', environment, settings.HEALTH_PORT),
    healthPortSetting: 'HEALTH_PORT',
  });
  // Registered before the roles, so done after them: nobody is left who would start a bot without rules.
  lifecycle.onStop('egress rules', async ({ reason, signal }) => {
    if (world.keepBots || reason.kind !== 'signal' || reason.signal !== 'SIGINT') return;
    const failure = await clearEgress(settings, { signal });
    if (failure !== undefined) screen.problem(failure);
  });
  const services = await startEverything(running.context);
  const { collections, engine } = services;
  const connections = connectionsOf(running.context, services);
  const firstToken = await createFirstToken(connections);
  const control = await startControlApi(running.context, connections, {
    httpPort: await portFor('CONTROL_PORT', environment, settings.CONTROL_PORT),
    grpcPort: await portFor('GRPC_PORT', environment, settings.GRPC_PORT),
  });
  const queries = await startQueryServer(
    {
      ...running.context,
      settings: {
        ...settings,
        QUERY_SERVER_PORT: await portFor('QUERY_SERVER_PORT', environment, settings.QUERY_SERVER_PORT),
      },
    },
    services,
  );
  startStorageSweeps(running.context, services, { everyMs: settings.GC_INTERVAL });
  updateUp(upFile, {
    ...claim,
    env: { ...settingsOf(environment), QUERY_SERVER_PORT: String(queries.port) },
    dashboardUrl: control.url,
    healthUrl: `http://${settings.HEALTH_HOST}:${running.healthPort}`,
  });

  stopBotsOnInterrupt(world, services, settings);
  // A hold of the last `up` is lifted only now, when somebody is there to act on it.
  await resumeBots(collections);
  const examples =
    world.examples && (await isNewInstallation(collections))
      ? await deployExamples(target, screen, lifecycle.stopping)
      : { bots: [], schedules: [] };

  const operator = scheduleOperator(settings);
  const watching = new AbortController();
  const watched = Promise.all([
    watchBots(collections, screen.bot, watching.signal),
    watchSchedules(collections, operator, { onChange: screen.schedule, onRun: screen.run }, watching.signal),
  ]);
  lifecycle.onStop('status lines', async () => {
    watching.abort();
    await watched;
  });
  showWhereToLook(screen, {
    control,
    firstToken,
    running,
    queries,
    dataDir: world.dataDir,
    engine: engine.installation,
  });
  await tellOfExamples(world, collections, operator, examples);
}

/** Says it once when all example bots run, and once when each example schedule has a success to show. */
async function tellOfExamples(
  { screen, lifecycle }: World,
  collections: Collections,
  operator: ScheduleOperator,
  { bots, schedules }: Examples,
): Promise<void> {
  const { signal } = lifecycle;
  const idle = await untilRunning(collections, bots, EXAMPLES_TIMEOUT_MS, signal);
  if (lifecycle.state !== 'running') return;
  for (const view of idle) screen.problem(`${view.name ?? view.id} does not run: ${view.reason}`);
  if (bots.length > 0 && idle.length === 0) screen.line(`All ${bots.length} example bots run.`);
  const late = await untilSucceeded(collections, operator, schedules, EXAMPLES_TIMEOUT_MS, signal);
  if (lifecycle.state !== 'running') return;
  for (const { name, reason } of late) screen.problem(`${name} has not succeeded yet: ${reason}`);
  if (schedules.length > 0 && late.length === 0)
    screen.line(
      schedules.length === 1
        ? 'The example schedule has had its first run.'
        : `All ${schedules.length} example schedules have had their first run.`,
    );
}

/** Servers, engine and images, side by side where they can be. Returns the environment in which they are configured. */
async function startServers(world: World): Promise<Environment> {
  const { lifecycle, screen, dataDir } = world;
  const { installation } = identityOf(dataDir);
  const given = Object.fromEntries(
    Object.entries(world.environment).filter(([, value]) => (value ?? '') !== ''),
  );
  const environment: Environment = { INSTALLATION: installation, ...given };
  const { progress } = screen;

  const [servers, engine] = await Promise.allSettled([
    ensureServers({
      dir: dataDir,
      environment,
      progress,
      onExit: (kind, how) => screen.problem(`${kind} ended by itself: ${how}`),
    }),
    ensureEngine({ progress, environment }),
  ]);
  if (servers.status === 'fulfilled') lifecycle.onStop('servers', () => servers.value.stop());
  if (servers.status === 'rejected') throw servers.reason;
  if (engine.status === 'rejected') throw engine.reason;
  const { dockerHost } = engine.value;
  const ofImages: Progress = (step) =>
    step.detail.startsWith('missing') ? screen.setback(step) : progress(step);
  await ensureImages({ progress: ofImages, dockerHost, environment });
  return { ...environment, ...servers.value.env, DOCKER_HOST: dockerHost };
}

/** Ctrl-C means that this developer's machine shall be quiet again; SIGTERM is a supervisor's restart. */
function stopBotsOnInterrupt(
  world: World,
  { collections, engine, scheduleQueues, clock }: Services,
  settings: Settings,
): void {
  const control = new ScheduleControl({
    collections,
    queues: scheduleQueues,
    operator: scheduleOperator(settings),
    now: () => new Date(clock.now()),
    newId: () => crypto.randomUUID(),
  });
  world.lifecycle.beforeDrain('stopping bots', settings.STOP_GRACE + 30_000, async ({ reason, signal }) => {
    if (reason.kind !== 'signal' || reason.signal !== 'SIGINT') return;
    if (world.keepBots) return world.screen.line('\nStopping; bots go on running (--keep-bots).');
    world.screen.line('\nStopping bots, runs and servers; Ctrl-C again ends it now.');
    const left = await pauseBots(collections, control, engine, signal).catch((error: unknown) => {
      world.screen.problem(`The bots could not be stopped: ${explainFailure(error).message}`);
      return 0;
    });
    if (left > 0) world.screen.problem(`${left} bots did not stop in time.`);
  });
}

function showWhereToLook(
  screen: Screen,
  facts: {
    control: ControlServer;
    firstToken: string | undefined;
    running: RunningProcess;
    queries: { host: string; port: number };
    dataDir: string;
    engine: string;
  },
): void {
  const { settings } = facts.running.context;
  const lines = [
    '',
    `  Dashboard     ${facts.control.url}`,
    `  API           ${facts.control.url}   /openapi.json   gRPC ${facts.control.grpc.host}:${facts.control.grpc.port}`,
    facts.firstToken === undefined
      ? '  Log in        with a token: npx the0-runtime tokens create NAME --role admin'
      : `  Admin token   ${facts.firstToken}   of dashboard and API; shown this once`,
    `  Health        http://${settings.HEALTH_HOST}:${facts.running.healthPort}/readyz   /healthz   /metrics`,
    `  Queries       http://${facts.queries.host}:${facts.queries.port}/query   /health`,
    `  Log           ${join(facts.dataDir, 'runtime.log')}`,
    `  Installation  ${facts.engine}`,
    '',
    '  npx the0-runtime bots            what runs, trouble first',
    '  npx the0-runtime schedules       what runs by the clock, and when next',
    '  npx the0-runtime runs            what became of each time',
    '  npx the0-runtime logs ID -f      what a bot says',
    '  npx the0-runtime query ID /info  what a bot answers',
    '  npx the0-runtime state list ID   what a bot keeps',
    '  npx the0-runtime deploy FOLDER   one more bot',
    '  npx the0-runtime undeploy ID     one less',
    '',
    'Up. Ctrl-C stops everything.',
    '',
  ];
  for (const line of lines) screen.line(line);
}

function openLog(path: string, level: string): { log: Logger; close: () => Promise<void> } {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  const log = createLogger({ level, service: 'up', destination: file });
  const close = () => new Promise<void>((done) => file.end(() => done()));
  return { log, close };
}

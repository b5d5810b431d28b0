import { createWriteStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startDashboard, type Dashboard } from '../../dashboard/server.ts';
import { loadSettings, type Environment } from '../../infra/config/load.ts';
import { ensureImages } from '../../infra/images/ensure.ts';
import { Lifecycle } from '../../infra/lifecycle.ts';
import { ensureEngine } from '../../infra/local/engine.ts';
import { ensureServers } from '../../infra/local/ensure.ts';
import type { Progress } from '../../infra/local/types.ts';
import { createLogger, type Logger } from '../../infra/logger.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { withJetStream } from '../connections.ts';
import { explainFailure } from '../errors.ts';
import { ROOT } from '../paths.ts';
import { startBotRunner } from '../roles/bot-runner.ts';
import type { Services } from '../roles/services.ts';
import { openProcess, type RunningProcess } from '../run-role.ts';
import { upFilePath, type Target } from '../target.ts';
import { claimUp, releaseUp, updateUp, type UpFile } from '../up-file.ts';
import { clearEgress } from './clear-egress.ts';
import { portFor, settingsOf } from './environment.ts';
import { deployExamples, isNewInstallation } from './examples.ts';
import { identityOf } from './identity.ts';
import { pauseBots, resumeBots } from './pause-bots.ts';
import { createScreen, type Screen } from './screen.ts';
import { untilRunning, watchBots } from './watch-bots.ts';

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
  const services = await startBotRunner(running.context);
  const { collections, engine, queues } = services;
  const dashboard = await startDashboard({
    host: settings.DASHBOARD_HOST,
    port: await portFor('DASHBOARD_PORT', environment, settings.DASHBOARD_PORT),
    token: settings.DASHBOARD_TOKEN,
    installation: settings.INSTALLATION,
    queues: Object.values(queues.byName),
    log: world.log,
  });
  lifecycle.onStop('dashboard', () => dashboard.close());
  updateUp(upFile, {
    ...claim,
    env: settingsOf(environment),
    dashboardUrl: dashboard.url,
    healthUrl: `http://${settings.HEALTH_HOST}:${running.healthPort}`,
  });

  stopBotsOnInterrupt(world, services, settings.STOP_GRACE);
  // A hold of the last `up` is lifted only now, when somebody is there to act on it.
  await resumeBots(collections);
  const ids =
    world.examples && (await isNewInstallation(collections))
      ? await deployExamples(target, screen, lifecycle.stopping)
      : [];

  const watching = new AbortController();
  const watched = watchBots(collections, screen.bot, watching.signal);
  lifecycle.onStop('status lines', async () => {
    watching.abort();
    await watched;
  });
  showWhereToLook(screen, {
    dashboard,
    running,
    token: settings.DASHBOARD_TOKEN ?? '',
    dataDir: world.dataDir,
    engine: engine.installation,
  });
  const late = await untilRunning(collections, ids, EXAMPLES_TIMEOUT_MS, lifecycle.signal);
  if (lifecycle.state !== 'running') return;
  for (const view of late) screen.problem(`${view.name ?? view.id} does not run: ${view.reason}`);
  if (ids.length > 0 && late.length === 0) screen.line(`All ${ids.length} example bots run.`);
}

/** Servers, engine and images, side by side where they can be. Returns the environment in which they are configured. */
async function startServers(world: World): Promise<Environment> {
  const { lifecycle, screen, dataDir } = world;
  const { installation, dashboardToken } = identityOf(dataDir);
  const own = { INSTALLATION: installation, DASHBOARD_TOKEN: dashboardToken };
  const given = Object.fromEntries(
    Object.entries(world.environment).filter(([, value]) => (value ?? '') !== ''),
  );
  const hasToken = given['DASHBOARD_TOKEN_FILE'] !== undefined;
  const environment: Environment = {
    INSTALLATION: own.INSTALLATION,
    ...(hasToken ? {} : { DASHBOARD_TOKEN: own.DASHBOARD_TOKEN }),
    ...given,
  };
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
function stopBotsOnInterrupt(world: World, { collections, engine }: Services, graceMs: number): void {
  world.lifecycle.beforeDrain('stopping bots', graceMs + 30_000, async ({ reason, signal }) => {
    if (reason.kind !== 'signal' || reason.signal !== 'SIGINT') return;
    if (world.keepBots) return world.screen.line('\nStopping; bots go on running (--keep-bots).');
    world.screen.line('\nStopping bots and servers; Ctrl-C again ends it now.');
    const left = await pauseBots(collections, engine, signal).catch((error: unknown) => {
      world.screen.problem(`The bots could not be stopped: ${explainFailure(error).message}`);
      return 0;
    });
    if (left > 0) world.screen.problem(`${left} bots did not stop in time.`);
  });
}

function showWhereToLook(
  screen: Screen,
  facts: { dashboard: Dashboard; running: RunningProcess; token: string; dataDir: string; engine: string },
): void {
  const { settings } = facts.running.context;
  const lines = [
    '',
    `  Dashboard     ${facts.dashboard.url}`,
    `  Its token     ${facts.token}`,
    `  Health        http://${settings.HEALTH_HOST}:${facts.running.healthPort}/readyz   /healthz   /metrics`,
    `  Log           ${join(facts.dataDir, 'runtime.log')}`,
    `  Installation  ${facts.engine}`,
    '',
    '  npx the0-runtime bots            what runs, trouble first',
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

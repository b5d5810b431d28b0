import { readFileSync } from 'node:fs';
import type { BotConfig } from '../../model/bots.ts';
import { configJson, configProblem } from './config.ts';
import { entryPath } from './entry-path.ts';
import { LaunchRefused, shown } from './errors.ts';
import { runtimeOf } from './index.ts';
import { PATHS } from './paths.ts';
import type { BotType, LaunchFile, LauncherName, LaunchPlan } from './types.ts';

const BOT_UID = 1000;
const ROOT_UID = 0;

const launcher = (name: LauncherName): Buffer =>
  readFileSync(new URL(`./launchers/${name}`, import.meta.url));
export const LAUNCHERS: Readonly<Record<LauncherName, Buffer>> = {
  'launch.py': launcher('launch.py'),
  'launch.cjs': launcher('launch.cjs'),
  'launch.sh': launcher('launch.sh'),
};

/** The fields come from documents that others wrote, so their types are checked here and not believed. */
export type LaunchInput = {
  botId: string;
  botType: BotType;
  /** `custom.config.runtime` */
  runtime: unknown;
  /** `custom.config.entrypoints` */
  entrypoints: unknown;
  /** `custom.filePath` */
  codeFile: unknown;
  config: BotConfig;
};

/** How a bot is started. Throws `LaunchRefused` where the description makes that impossible. */
export function planLaunch(input: LaunchInput): LaunchPlan {
  const runtime = runtimeOf(input.runtime);
  const { bot, query } = entryPoints(input.entrypoints);
  const botPath = entryPath('custom.config.entrypoints.bot', bot);
  const entry = runtime.entry(botPath, 'custom.config.entrypoints.bot');
  const hasQuery = query !== undefined && query !== null && query !== '';
  const queryPath = hasQuery ? entryPath('custom.config.entrypoints.query', query) : undefined;
  const queryEntry =
    queryPath === undefined ? undefined : runtime.entry(queryPath, 'custom.config.entrypoints.query');
  const problem = configProblem(input.config);
  if (problem !== undefined) throw new LaunchRefused('bad_config', 'config', problem);

  return {
    command: [
      ...runtime.interpreter,
      `${PATHS.run}/${runtime.launcher}`,
      PATHS.code,
      PATHS.run,
      PATHS.work,
      ...entry.program,
    ],
    env: {
      BOT_ID: input.botId,
      ID: input.botId,
      BOT_TYPE: input.botType,
      IS_SCHEDULED: String(input.botType === 'scheduled'),
      RUNTIME: String(input.runtime),
      CODE_FILE: codeFile(input.codeFile),
      ENTRYPOINT: botPath,
      ENTRYPOINT_TYPE: 'bot',
      SCRIPT_PATH: botPath,
      CODE_MOUNT_DIR: PATHS.work.slice(1),
      CODE_PATH: PATHS.work,
      STATE_PATH: PATHS.state,
      STATE_DIR: PATHS.stateDir,
      LOGS_PATH: PATHS.logs,
      HOME: PATHS.tmp,
      ...(queryPath === undefined ? {} : { QUERY_ENTRYPOINT: queryPath }),
      ...runtime.env,
    },
    workingDir: PATHS.work,
    files: launchFiles(input.config, runtime.launcher),
    executablePaths: [entry, queryEntry].flatMap((e) => (e?.executable === true ? [e.file] : [])),
    entryFile: entry.file,
  };
}

function launchFiles(config: BotConfig, name: LauncherName): LaunchFile[] {
  const own = { uid: BOT_UID, gid: BOT_UID };
  return [
    { name: 'config.json', mode: 0o400, ...own, content: Buffer.from(configJson(config)) },
    { name: 'result.json', mode: 0o600, ...own, content: Buffer.alloc(0) },
    { name, mode: 0o555, uid: ROOT_UID, gid: ROOT_UID, content: LAUNCHERS[name] },
  ];
}

function entryPoints(value: unknown): { bot?: unknown; query?: unknown } {
  return value !== null && typeof value === 'object' ? value : {};
}

/** The reference's own rule for object keys of code (contract §9.6). */
const CODE_FILE = /^[A-Za-z0-9/_.-]{1,1024}$/;

function codeFile(value: unknown): string {
  if (typeof value === 'string' && CODE_FILE.test(value)) return value;
  const field = 'custom.filePath';
  if (value === undefined || value === null || value === '')
    throw new LaunchRefused(
      'bad_code_file',
      field,
      `${field} is missing: no code was ever uploaded; upload it and publish the bot again`,
    );
  throw new LaunchRefused(
    'bad_code_file',
    field,
    `${field} is ${shown(value)}; it may hold only letters, digits, "/", "_", "." and "-", at most 1024 of them`,
  );
}

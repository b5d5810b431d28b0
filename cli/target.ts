import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { readFileSync } from 'node:fs';
import { withFlags } from '../infra/config/flags.ts';
import { loadSettings, type Environment } from '../infra/config/load.ts';
import type { Settings } from '../infra/config/settings.ts';
import { ROOT } from './paths.ts';
import { findUp } from './up-file.ts';

/** Which servers a command talks to, and how that was decided (for messages). */
export type Target = { settings: Settings; environment: Environment; origin: string };

/** If one of these is given, the servers are the person's own, and a running `up` is not looked for. */
const SERVER_SETTINGS = ['MONGO_URI', 'NATS_URL', 'REDIS_URL', 'S3_ENDPOINT', 'MINIO_ENDPOINT'];

export const upFilePath = (environment: Environment): string =>
  environment['UP_FILE'] || join(ROOT, '.data', 'up.json');

/** The process's environment with the clone's `.env` below it and flags above it. */
export function commandEnvironment(
  flags: Readonly<Record<string, unknown>> = {},
  environment: Environment = process.env,
): Environment {
  const file = join(ROOT, '.env');
  const fromFile = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return withFlags({ ...fromFile, ...environment }, flags);
}

/** The servers of the environment if it names any, else those of the running `up` of this clone, else the defaults. */
export function findTarget(
  flags: Readonly<Record<string, unknown>>,
  environment: Environment = commandEnvironment(flags),
): Target {
  const given = SERVER_SETTINGS.flatMap((name) => [name, `${name}_FILE`]).find(
    (name) => (environment[name] ?? '') !== '',
  );
  if (given !== undefined)
    return { settings: loadSettings(environment), environment, origin: 'as the environment says' };
  const up = findUp(upFilePath(environment));
  if (up !== undefined) {
    // A flag outranks also what `up` was started with.
    const merged = withFlags({ ...environment, ...up.env }, flags);
    return {
      settings: loadSettings(merged),
      environment: merged,
      origin: `of the running \`up\`, process ${up.pid}`,
    };
  }
  return {
    settings: loadSettings(environment),
    environment,
    origin: 'the default: no `up` runs in this clone and no MONGO_URI is set',
  };
}

import { paramTexts } from '../../model/queries.ts';
import { LaunchRefused } from './errors.ts';
import { entryPath } from './entry-path.ts';
import { runtimeOf } from './index.ts';
import { PATHS } from './paths.ts';
import { LAUNCHERS, planLaunch, type LaunchInput } from './plan.ts';
import type { LaunchFile, LaunchPlan } from './types.ts';

/** Port on which a query program serves (contract §10.5). */
export const QUERY_PORT = 9476;

/** File of the launch volume to which a single query's result is written. */
export const QUERY_RESULT = 'query.json';

/** Linux takes at most 128 KiB for one variable of the environment. */
const MAX_PARAMS_BYTES = 100 * 1024;

export type SingleQuery = { path: string; params: Readonly<Record<string, unknown>> };

const FIELD = 'custom.config.entrypoints.query';

/**
 * How a bot's query program is started: as a server of its own or, with `single`, for one query. It is run as it is, without
 * the wrapper of bots, by a launcher that only prepares its place. Throws `LaunchRefused`.
 */
export function planQuery(input: LaunchInput, single?: SingleQuery): LaunchPlan {
  const plan = planLaunch(input);
  const runtime = runtimeOf(input.runtime);
  const path = entryPath(FIELD, (input.entrypoints as { query?: unknown }).query);
  const entry = runtime.entry(path, FIELD);
  const program =
    entry.program.length > 0 ? entry.program : [...runtime.direct, `${PATHS.work}/${entry.file}`];
  return {
    ...plan,
    command: ['/bin/sh', `${PATHS.run}/launch.sh`, PATHS.code, PATHS.run, PATHS.work, ...program],
    env: {
      ...plan.env,
      ENTRYPOINT: path,
      SCRIPT_PATH: path,
      // What serves is told by the type alone; a single query, by QUERY_PATH.
      BOT_TYPE: single === undefined ? 'realtime' : 'scheduled',
      IS_SCHEDULED: String(single !== undefined),
      ...(single === undefined ? { THE0_QUERY_PORT: String(QUERY_PORT) } : singleQueryEnv(single)),
    },
    files: [
      ...plan.files.filter(({ name }) => !name.startsWith('launch.')),
      { name: 'launch.sh', mode: 0o555, uid: 0, gid: 0, content: LAUNCHERS['launch.sh'] },
      ...(single === undefined ? [] : [resultFile()]),
    ],
    entryFile: entry.file,
  };
}

function resultFile(): LaunchFile {
  return { name: QUERY_RESULT, mode: 0o600, uid: 1000, gid: 1000, content: Buffer.alloc(0) };
}

function singleQueryEnv({ path, params }: SingleQuery): Record<string, string> {
  const texts = paramTexts(params);
  const json = JSON.stringify(texts);
  if (Buffer.byteLength(json) > MAX_PARAMS_BYTES)
    throw new LaunchRefused(
      'bad_params',
      'params',
      `params have more than ${MAX_PARAMS_BYTES / 1024} KB, which do not fit into the environment of a query program that does not serve`,
    );
  return {
    QUERY_PATH: path,
    QUERY_PARAMS: json,
    ...Object.fromEntries(
      Object.entries(texts)
        // The others are in QUERY_PARAMS all the same.
        .filter(([key, value]) => /^[A-Za-z0-9_.-]+$/.test(key) && !value.includes('\0'))
        .map(([key, value]) => [`QUERY_PARAM_${key}`, value]),
    ),
  };
}

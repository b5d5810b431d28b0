import type { Environment } from './load.ts';

/** Flags that set a setting, the reference's among them. A flag outranks the environment. */
const SETTING_FLAGS = {
  '--mongo-uri': 'MONGO_URI',
  '--nats-url': 'NATS_URL',
  '--redis-url': 'REDIS_URL',
  '--log-level': 'LOG_LEVEL',
  '--reconcile-interval': 'RECONCILE_INTERVAL',
  '--check-interval': 'CHECK_INTERVAL',
  '--minio-endpoint': 'S3_ENDPOINT',
  '--concurrency': 'QUEUE_CONCURRENCY',
  // Of commands that may talk to a control API elsewhere.
  '--server': 'THE0_SERVER',
  '--token-file': 'THE0_TOKEN_FILE',
  // Of `query-server`, the only command with this flag.
  '--port': 'QUERY_SERVER_PORT',
} as const;

/** Flags of the reference that decide nothing here: accepted, and the log says once what replaces them. */
export const RETIRED_FLAGS = {
  '--namespace': 'containers of an installation are told apart by INSTALLATION',
  '--minio-bucket': 'it decided nothing before either; S3_CODE_BUCKET names the bucket of bots’ code',
  '--runtime-image': 'each language has an image of its own: IMAGE_PYTHON, IMAGE_NODE, …',
  '--runtime-image-pull-policy': 'an image is pulled where the engine lacks it, and then pinned',
} as const;

export type RetiredInUse = { name: string; replacement: string };

/** Those of them that were given to a command. */
export function retiredFlags(flags: Readonly<Record<string, unknown>>): RetiredInUse[] {
  return Object.entries(RETIRED_FLAGS)
    .filter(([flag]) => flags[flagKey(flag)] !== undefined)
    .map(([name, replacement]) => ({ name, replacement }));
}

/** What a command line parser makes of `--mongo-uri`: `mongoUri`. */
const flagKey = (flag: string): string =>
  flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/**
 * The environment with flags laid over it, so that settings are read in one place only. `flags` is the parser's
 * result (`{ mongoUri: 'mongodb://…' }`); keys that belong to no setting are left alone.
 */
export function withFlags(environment: Environment, flags: Readonly<Record<string, unknown>>): Environment {
  const result: Record<string, string | undefined> = { ...environment };
  for (const [flag, name] of Object.entries(SETTING_FLAGS)) {
    const value = flags[flagKey(flag)];
    if (typeof value === 'string' || typeof value === 'number') result[name] = String(value);
  }
  return result;
}

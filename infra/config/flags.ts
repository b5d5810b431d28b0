import type { Environment } from './load.ts';

/** Flags that set a setting, the reference's among them. A flag outranks the environment. */
const SETTING_FLAGS = {
  '--mongo-uri': 'MONGO_URI',
  '--nats-url': 'NATS_URL',
  '--redis-url': 'REDIS_URL',
  '--log-level': 'LOG_LEVEL',
  '--reconcile-interval': 'RECONCILE_INTERVAL',
  '--concurrency': 'QUEUE_CONCURRENCY',
} as const;

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

import { Redis } from 'ioredis';
import { redisTime } from '../../infra/clock.ts';
import { away, bad, ok, warn, type Check } from './check.ts';
import { skewAgainst } from './clock.ts';
import { PATIENCE_MS, reasonOf, type Probed } from './probed.ts';

export type RedisFacts = {
  product: string;
  version: string;
  where: string;
  role: string;
  maxmemoryPolicy: string;
  /** 0: no limit. */
  maxmemoryBytes: number;
  /** How often a second it looks for what is due. */
  hz: number;
  /** How far this machine's clock is ahead of its, milliseconds. */
  skewMs?: number | undefined;
};

/** What the queues need at least, and what they are made for. */
const LEAST_VERSION = 5;
const GOOD_VERSION = 6.2;
const GOOD_HZ = 500;

export async function probeRedis(url: string, signal: AbortSignal): Promise<RedisFacts> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS - 500,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let problem: unknown;
  // What `connect` rejects with says only that the connection is closed.
  redis.on('error', (error) => (problem ??= error));
  const close = (): void => redis.disconnect();
  signal.addEventListener('abort', close, { once: true });
  try {
    await redis.connect();
    const info = await redis.info();
    const facts = readInfo(info, `${redis.options.host ?? 'localhost'}:${redis.options.port ?? 6379}`);
    return { ...facts, skewMs: await skewAgainst(redisTime(redis)) };
  } catch (error) {
    throw problem ?? error;
  } finally {
    signal.removeEventListener('abort', close);
    redis.disconnect();
  }
}

/** Reads the answer to INFO: `field:value` lines. */
export function readInfo(info: string, where: string): RedisFacts {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)] as const;
    }),
  );
  const valkey = fields.get('valkey_version');
  return {
    product: valkey === undefined ? 'Redis' : 'Valkey',
    version: valkey ?? fields.get('redis_version') ?? '(unknown)',
    where,
    role: fields.get('role') ?? 'master',
    maxmemoryPolicy: fields.get('maxmemory_policy') ?? '(unknown)',
    maxmemoryBytes: Number(fields.get('maxmemory') ?? 0),
    hz: Number(fields.get('configured_hz') ?? fields.get('hz') ?? 10),
  };
}

export function redisChecks(probed: Probed<RedisFacts>): Check[] {
  if ('error' in probed) return [failure(probed.error)];
  const facts = probed.found;
  return [serverCheck(facts), policyCheck(facts), hzCheck(facts.hz)];
}

function failure(error: unknown): Check {
  const reason = reasonOf(error);
  // An error that Redis itself answered: NOAUTH, WRONGPASS, LOADING …
  if (error instanceof Error && error.name === 'ReplyError')
    return bad('redis', `it refused: ${reason}`, 'check user and password in REDIS_URL');
  return away('redis', `it cannot be reached: ${reason}`, 'start it, or correct REDIS_URL');
}

function serverCheck({ product, version, where, role }: RedisFacts): Check {
  const what = `${product} ${version} at ${where}`;
  if (role !== 'master')
    return bad('redis', `${what} is a replica, which takes no writes`, 'name its primary in REDIS_URL');
  const number = Number.parseFloat(version);
  if (product === 'Redis' && number < LEAST_VERSION)
    return bad('redis', `${what} is too old for the queues`, `use ${GOOD_VERSION} or later, or Valkey`);
  if (product === 'Redis' && number < GOOD_VERSION)
    return warn(
      'redis',
      `${what} is older than the queues are made for`,
      `use ${GOOD_VERSION} or later, or Valkey`,
    );
  return ok('redis', what);
}

function policyCheck({ maxmemoryPolicy: policy, maxmemoryBytes }: RedisFacts): Check {
  const name = 'redis eviction';
  if (policy === 'noeviction') return ok(name, 'maxmemory-policy noeviction');
  const cure = 'CONFIG SET maxmemory-policy noeviction, and in redis.conf too';
  return maxmemoryBytes === 0
    ? warn(name, `maxmemory-policy ${policy}: jobs would be evicted if a maxmemory were set`, cure)
    : bad(name, `maxmemory-policy ${policy} evicts jobs when memory is full`, cure);
}

function hzCheck(hz: number): Check {
  const name = 'redis hz';
  return hz >= GOOD_HZ
    ? ok(name, `hz ${hz}`)
    : warn(
        name,
        `hz ${hz}: delayed jobs wake up to ${Math.round(1000 / hz)} ms late`,
        `CONFIG SET hz ${GOOD_HZ}, and in redis.conf too`,
      );
}

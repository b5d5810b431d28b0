import { loginRefusal } from '../../../infra/login-refusal.ts';
import type { Dependency } from '../errors.ts';

/** By the names that drivers give their errors, so that a process loads no driver that it does not use. */
const NAMES: Readonly<Record<string, Dependency>> = {
  MongoNetworkError: 'mongodb',
  MongoNetworkTimeoutError: 'mongodb',
  MongoServerSelectionError: 'mongodb',
  MongoNotConnectedError: 'mongodb',
  MongoTopologyClosedError: 'mongodb',
  MongoPoolClearedError: 'mongodb',
  MongoPoolClosedError: 'mongodb',
  MongoServerClosedError: 'mongodb',
  MongoStalePrimaryError: 'mongodb',
  MongoOperationTimeoutError: 'mongodb',
  MongoWaitQueueTimeoutError: 'mongodb',
  MongoWriteConcernError: 'mongodb',
  WaitQueueTimeoutError: 'mongodb',
  MaxRetriesPerRequestError: 'redis',
  ConnectionError: 'nats',
  ClosedConnectionError: 'nats',
  DrainingConnectionError: 'nats',
  NoResponders: 'nats',
  NoRespondersError: 'nats',
  S3Unavailable: 's3',
  S3Denied: 's3',
};

/** No primary, or one that is stepping down or shutting down. */
const MONGO_CODES = new Set<unknown>([6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436]);

/** ioredis and BullMQ have no classes for these. */
const REDIS_WORDS = /^(Connection is closed|Stream isn't writeable|Command timed out|Connection lost)/;
const REDIS_REPLIES = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/;

/** Only ioredis gives these as they come: all others wrap them. */
const SOCKET_CODES = new Set<unknown>(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND']);

const SERVERS = { MongoDB: 'mongodb', Redis: 'redis', NATS: 'nats' } as const;

/** Which server an error says is away, or does not let us in; undefined where it says something else. */
export function dependencyAway(error: unknown): Dependency | undefined {
  if (!(error instanceof Error)) return undefined;
  const refused = loginRefusal(error);
  if (refused !== undefined) return SERVERS[refused.server];
  const named = NAMES[error.name];
  if (named !== undefined) return named;
  const { code } = error as { code?: unknown };
  if (error.name === 'MongoServerError') return MONGO_CODES.has(code) ? 'mongodb' : undefined;
  if (error.name === 'ReplyError') return REDIS_REPLIES.test(error.message) ? 'redis' : undefined;
  if (REDIS_WORDS.test(error.message) || SOCKET_CODES.has(code)) return 'redis';
  return error.cause === undefined ? undefined : dependencyAway(error.cause);
}

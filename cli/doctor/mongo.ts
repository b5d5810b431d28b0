import { MongoClient, MongoServerSelectionError } from 'mongodb';
import { mongoTime } from '../../infra/clock.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { collections, databaseNames } from '../../infra/mongo/collections.ts';
import {
  MongoUriInvalid,
  readTopology,
  ReplicaSetNotInitiated,
  type MongoTopology,
} from '../../infra/mongo/connect.ts';
import { loginRefusal } from '../../infra/login-refusal.ts';
import { isUnreachable } from '../errors.ts';
import { away, bad, ok, warn, type Check } from './check.ts';
import { skewAgainst } from './clock.ts';
import { NoAnswer, PATIENCE_MS, reasonOf, type Probed } from './probed.ts';
import { isOlder } from './versions.ts';

export type MongoFacts = {
  version: string;
  where: string;
  kind: MongoTopology['kind'];
  /** Id of the engine that the installation is bound to; undefined before its first processor. */
  storedEngineId: string | undefined;
  /** How far this machine's clock is ahead of its, milliseconds. */
  skewMs?: number | undefined;
};

/** The client library talks to nothing older. */
const LEAST_VERSION = '4.2';

/** The driver gives up a little sooner than the probe, so that its own words are heard. */
const DRIVER_PATIENCE_MS = PATIENCE_MS - 500;

export async function probeMongo(settings: Settings, signal: AbortSignal): Promise<MongoFacts> {
  const client = open(settings.MONGO_URI);
  const close = (): void => void client.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    await client.connect();
    const admin = client.db('admin');
    const all = collections(client, databaseNames(settings));
    // First, since it alone answers on a server whose replica set was never initiated.
    const { kind } = readTopology(await admin.command({ hello: 1 }));
    const skewMs = await skewAgainst(mongoTime(client));
    const [build, stored] = await Promise.all([
      admin.command({ buildInfo: 1 }),
      all.installation.findOne({ _id: `engine:${settings.INSTALLATION}` }),
    ]);
    return {
      version: String(build['version']),
      where: client.options.hosts.map(String).join(','),
      kind,
      storedEngineId: stored?.value,
      skewMs,
    };
  } catch (error) {
    throw neverInitiated(error) ? new ReplicaSetNotInitiated() : error;
  } finally {
    signal.removeEventListener('abort', close);
    await client.close();
  }
}

function open(uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'the0-runtime doctor',
      serverSelectionTimeoutMS: DRIVER_PATIENCE_MS,
      connectTimeoutMS: DRIVER_PATIENCE_MS,
      socketTimeoutMS: DRIVER_PATIENCE_MS,
    });
  } catch (error) {
    throw new MongoUriInvalid(reasonOf(error));
  }
}

/** Such a server answers, yet the driver selects none and says no more than that it is late. */
function neverInitiated(error: unknown): boolean {
  if (!(error instanceof MongoServerSelectionError)) return false;
  return [...(error.reason?.servers.values() ?? [])].some(({ type }) => type === 'RSGhost');
}

export function mongoCheck(probed: Probed<MongoFacts>): Check {
  const name = 'mongo';
  if ('found' in probed) {
    const { version, where, kind } = probed.found;
    if (isOlder(version, LEAST_VERSION))
      return bad(name, `MongoDB ${version} at ${where} is too old`, `use ${LEAST_VERSION} or later`);
    if (kind !== 'standalone')
      return ok(name, `MongoDB ${version} at ${where}, ${kind === 'sharded' ? 'sharded' : 'replica set'}`);
    return warn(
      name,
      `MongoDB ${version} at ${where} is a standalone server: without change streams everything is polled (degraded)`,
      'start it with --replSet and run rs.initiate() once',
    );
  }
  const { error } = probed;
  const reason = reasonOf(error);
  if (error instanceof MongoUriInvalid) return bad(name, reason, 'correct MONGO_URI');
  if (error instanceof ReplicaSetNotInitiated)
    return bad(
      name,
      'it runs with --replSet, but its replica set was never initiated',
      'run rs.initiate() once',
    );
  if (loginRefusal(error) !== undefined)
    return bad(name, `it refused: ${reason}`, 'check user, password, authSource and rights in MONGO_URI');
  if (error instanceof NoAnswer || isUnreachable(error))
    return away(name, `no primary can be reached: ${reason}`, 'start it, or correct MONGO_URI');
  return bad(name, reason, 'check MONGO_URI');
}

import { MongoClient, MongoServerError } from 'mongodb';
import { untilSucceeds } from '../retry.ts';
import type { Logger } from '../logger.ts';

export type MongoSetupOptions = {
  /** Where a first user may be made from: MongoDB's own network, loopback. `host:port`. */
  local: string;
  /** The member's name for everybody else: `mongo:27017`. */
  host: string;
  replicaSet: string;
  user: string;
  password: string;
  log: Logger;
  signal: AbortSignal;
};

const ALREADY_INITIALIZED = 23;
const UNAUTHORIZED = 13;
const USER_EXISTS = 51003;
const RETRY_EVERY_MS = 500;

/**
 * Makes the replica set, and the one user of the runtime, where they are not yet; may be run again. MongoDB lets somebody who
 * is not logged in do both, from loopback and as long as there is no user.
 */
export async function setUpMongo(options: MongoSetupOptions): Promise<'made' | 'present'> {
  const retry = { everyMs: RETRY_EVERY_MS, signal: options.signal, log: options.log };
  if (await untilSucceeds('MongoDB', () => canLogIn(options), retry)) return 'present';
  const client = new MongoClient(`mongodb://${options.local}/?directConnection=true`, {
    serverSelectionTimeoutMS: 5_000,
  });
  try {
    const admin = client.db('admin');
    await admin
      .command({
        replSetInitiate: { _id: options.replicaSet, members: [{ _id: 0, host: options.host }] },
      })
      .catch((error: unknown) => ignore(error, ALREADY_INITIALIZED));
    await untilSucceeds('MongoDB, to become primary', () => assertPrimary(client), retry);
    await admin
      .command({
        createUser: options.user,
        pwd: options.password,
        roles: ['readWriteAnyDatabase', 'clusterMonitor'],
      })
      .catch((error: unknown) => ignore(error, USER_EXISTS));
  } finally {
    await client.close();
  }
  if (!(await canLogIn(options)))
    throw new Error(
      `MongoDB has users, and ${options.user} with the password of MONGO_URI is none of them: put back the secrets that this volume was made with`,
    );
  return 'made';
}

/** False where MongoDB answers and refuses. */
async function canLogIn({ local, user, password }: MongoSetupOptions): Promise<boolean> {
  const client = new MongoClient(`mongodb://${local}/?directConnection=true&authSource=admin`, {
    auth: { username: user, password },
    serverSelectionTimeoutMS: 5_000,
  });
  try {
    await client.db('admin').command({ connectionStatus: 1 });
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && (error.code === 18 || error.code === UNAUTHORIZED)) return false;
    throw error;
  } finally {
    await client.close();
  }
}

async function assertPrimary(client: MongoClient): Promise<void> {
  const hello = await client.db('admin').command({ hello: 1 });
  if (hello['isWritablePrimary'] !== true) throw new Error('no primary yet');
}

function ignore(error: unknown, ...codes: readonly number[]): void {
  if (!(error instanceof MongoServerError) || !codes.includes(Number(error.code))) throw error;
}

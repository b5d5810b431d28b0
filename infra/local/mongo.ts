import { join } from 'node:path';
import { type Db, MongoClient, MongoServerError } from 'mongodb';
import { obtainProgramOrThrow } from './obtain.ts';
import { freePorts } from './ports.ts';
import { superviseServer } from './supervise.ts';
import type { RunningServer, ServerPlan, StartOptions } from './types.ts';
import { askOverTcp } from './wire.ts';

const SET = 'rs0';
const NOT_YET_INITIALIZED = 94;
const INVALID_REPLICA_SET_CONFIG = 93;

export type MongoOptions = StartOptions & {
  /** Default true. False: a standalone server, without change streams and transactions. */
  replicaSet?: boolean;
};

/** MongoDB as a replica set of one, primary when this resolves. */
export async function startMongo(options: MongoOptions): Promise<RunningServer> {
  const { replicaSet = true } = options;
  const binary = options.binary ?? (await obtainProgramOrThrow('mongo', process.env)).path;
  return superviseServer('mongo', binary, options, async () => {
    const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    return {
      args: [
        '--port',
        String(port),
        '--bind_ip',
        '127.0.0.1',
        '--dbpath',
        join(options.dir, 'data'),
        '--wiredTigerCacheSizeGB',
        '0.25',
      ].concat(['--nounixsocket', '--quiet'], replicaSet ? ['--replSet', SET] : []),
      ...mongoAt(port, replicaSet),
    };
  });
}

export function mongoAt(port: number, replicaSet: boolean): Omit<ServerPlan, 'args'> {
  const url = replicaSet ? `mongodb://127.0.0.1:${port}/?replicaSet=${SET}` : `mongodb://127.0.0.1:${port}/`;
  return { url, env: { MONGO_URI: url }, port, check: () => checkMongo(port, replicaSet) };
}

async function checkMongo(port: number, replicaSet: boolean): Promise<void> {
  await acceptsConnections(port);
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 5_000,
  });
  try {
    const admin = client.db('admin');
    const hello = await admin.command({ hello: 1 });
    if (hello['isWritablePrimary'] === true) return;
    if (replicaSet) await makePrimary(admin, `127.0.0.1:${port}`);
    throw new Error('it is not primary yet');
  } finally {
    await client.close();
  }
}

/** Makes a set of the empty server, or gives the member of an older one its present port. */
async function makePrimary(admin: Db, host: string): Promise<void> {
  try {
    await admin.command({ replSetGetStatus: 1 });
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (error.code === NOT_YET_INITIALIZED)
      await admin.command({ replSetInitiate: { _id: SET, members: [{ _id: 0, host }] } });
    else if (error.code === INVALID_REPLICA_SET_CONFIG) await moveMember(admin, host);
    else throw error;
  }
}

async function moveMember(admin: Db, host: string): Promise<void> {
  const { config } = (await admin.command({ replSetGetConfig: 1 })) as {
    config?: { version: number; members: { host: string }[] };
  };
  if (config === undefined) throw new Error('it has no replica set configuration yet');
  const members = config.members.slice(0, 1).map((member) => ({ ...member, host }));
  await admin.command({ replSetReconfig: { ...config, version: config.version + 1, members }, force: true });
}

/** The server never speaks first, so a driver that is refused would wait and try again at its own pace: look first. */
async function acceptsConnections(port: number): Promise<void> {
  try {
    await askOverTcp(port, undefined, 20);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) throw error;
  }
}

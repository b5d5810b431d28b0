import { MongoClient, type MongoClientOptions } from 'mongodb';
import { pause } from '../pause.ts';
import { OutageLog, type Logger } from '../logger.ts';
import { messageOf } from '../message-of.ts';

/** What kind of MongoDB answers, and what it can therefore do. */
export type MongoTopology = {
  kind: 'replicaSet' | 'sharded' | 'standalone';
  /** Change streams and transactions need an oplog: both come with a replica set, neither with a lone server. */
  changeStreams: boolean;
  transactions: boolean;
};

export type MongoLink = AsyncDisposable & {
  readonly client: MongoClient;
  /** True while a server that takes writes is known. */
  readonly connected: boolean;
  /** Resolves when a primary answered within `timeoutMs`; rejects otherwise. */
  ping(timeoutMs?: number): Promise<void>;
  /** Asks the server; rejects while it is away or while its replica set is not initiated. */
  topology(): Promise<MongoTopology>;
  close(): Promise<void>;
};

/** MONGO_URI cannot be understood. The message never holds the URI, which may hold a password. */
export class MongoUriInvalid extends Error {
  override readonly name = 'MongoUriInvalid';
  readonly code = 'mongo_uri_invalid';
  readonly retryable = false;
  constructor(reason: string) {
    super(`MONGO_URI cannot be used: ${reason}. Expected mongodb://[user:password@]host:port[,…]/[?options]`);
  }
}

/** The server waits for `rs.initiate()`: until then it takes no writes. */
export class ReplicaSetNotInitiated extends Error {
  override readonly name = 'ReplicaSetNotInitiated';
  readonly code = 'replica_set_not_initiated';
  readonly retryable = true;
  constructor() {
    super('MongoDB runs with --replSet, but its replica set was never initiated: run rs.initiate() once');
  }
}

const RECONNECT_EVERY_MS = 1000;

/**
 * Every write is acknowledged by the majority, every read sees only such writes: what we acted upon cannot be rolled
 * back by a fail-over.
 */
const OPTIONS = {
  writeConcern: { w: 'majority', wtimeoutMS: 10_000 },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  maxPoolSize: 50,
  maxIdleTimeMS: 60_000,
  // An outage shall be noticed in seconds, and a socket that died without a word shall not hold a caller for ever.
  serverSelectionTimeoutMS: 3000,
  connectTimeoutMS: 5000,
  heartbeatFrequencyMS: 2000,
  socketTimeoutMS: 20_000,
  waitQueueTimeoutMS: 10_000,
} as const satisfies MongoClientOptions;

/**
 * A client that works as soon as MongoDB does: it returns at once, connects in the background for as long as it takes,
 * and writes one log line per outage. Calls made while MongoDB is away reject within seconds.
 * @throws MongoUriInvalid where the address itself is wrong
 */
export function connectMongo(uri: string, options: { appName: string; log: Logger }): MongoLink {
  const client = createClient(uri, options.appName);
  const outage = new OutageLog(options.log, 'MongoDB');
  const closing = new AbortController();
  let connected = false;
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const writable = [...newDescription.servers.values()].some((server) => server.isWritable);
    if (writable) outage.recovered();
    else if (connected && !closing.signal.aborted)
      outage.failed(newDescription.error ?? new Error('no server takes writes'));
    connected = writable;
  });
  const firstConnection = keepTrying(client, outage, closing.signal);

  const link: MongoLink = {
    client,
    get connected() {
      return connected;
    },
    async ping(timeoutMs = 2000) {
      await withDeadline(client.db('admin').command({ ping: 1 }), timeoutMs, 'MongoDB did not answer');
    },
    async topology() {
      return readTopology(await client.db('admin').command({ hello: 1 }));
    },
    async close() {
      closing.abort();
      await client.close();
      await firstConnection;
    },
    [Symbol.asyncDispose]: () => link.close(),
  };
  return link;
}

function createClient(uri: string, appName: string): MongoClient {
  try {
    return new MongoClient(uri, { ...OPTIONS, appName });
  } catch (error) {
    // Nothing is connected yet: whatever it throws is about the address, and its text never repeats it.
    throw new MongoUriInvalid(messageOf(error));
  }
}

async function keepTrying(client: MongoClient, outage: OutageLog, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // A failed first connection ends the driver's own monitoring, so that somebody has to ask again.
      await client.connect();
      return;
    } catch (error) {
      if (signal.aborted) return;
      outage.failed(error);
      await pause(RECONNECT_EVERY_MS, signal);
    }
  }
}

/** Reads a `hello` answer. Exported for its test. */
export function readTopology(hello: Record<string, unknown>): MongoTopology {
  if (hello['msg'] === 'isdbgrid') return { kind: 'sharded', changeStreams: true, transactions: true };
  if (typeof hello['setName'] === 'string')
    return { kind: 'replicaSet', changeStreams: true, transactions: true };
  if (hello['isreplicaset'] === true) throw new ReplicaSetNotInitiated();
  return { kind: 'standalone', changeStreams: false, transactions: false };
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} within ${timeoutMs} ms`)), timeoutMs);
    timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // Its late failure has nobody left to tell.
  }
}

// A query server in the network of a container: `nsenter --net=… node query-server-child.ts FOLDER CONTAINER`. From there
// nothing of this host is in reach, so MongoDB and Redis are reached through sockets in FOLDER, which stand for the network
// that a deployment has them in; by `ask.sock` the server is asked.
import { createServer, connect, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, databaseNames } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { connectRedis } from '../../infra/redis.ts';
import { QueryServer } from '../../producers/query/server.ts';
import { DataQueues } from '../../queues/data-queues.ts';

const [folder = '', ownContainer = ''] = process.argv.slice(2);
// A test that is itself killed leaves nobody to end its children.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();

function relay(from: { port: number; host: string } | { path: string }, to: NetConnectOpts): Promise<void> {
  const server = createServer((near) => {
    const far = connect(to);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  return new Promise((resolve) => server.listen(from, resolve));
}

const settings = loadSettings(process.env);
const portOf = (url: string): number => Number(/:(\d+)/.exec(url.replace(/^\w+:\/\//, ''))?.[1]);
await relay({ host: '127.0.0.1', port: portOf(settings.MONGO_URI) }, { path: join(folder, 'mongo.sock') });
await relay({ host: '127.0.0.1', port: portOf(settings.REDIS_URL) }, { path: join(folder, 'redis.sock') });

const log = createLogger({ level: 'silent', service: 'test' });
const mongo = connectMongo(settings.MONGO_URI, { appName: 'query-server', log });
const onError = (): void => undefined;
const redis = connectRedis(settings.REDIS_URL, { role: 'producer', onError });
const server = new QueryServer({
  settings,
  collections: collections(mongo.client, databaseNames(settings)),
  queues: new DataQueues({ connection: redis, installation: settings.INSTALLATION, onError }),
  registry: new Registry(),
  ownContainer,
  newId: () => crypto.randomUUID(),
  log,
});
const { port } = await server.start();
await relay({ path: join(folder, 'ask.sock') }, { host: '127.0.0.1', port });
console.log('ready');

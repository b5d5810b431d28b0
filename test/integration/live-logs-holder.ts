// A process that follows until it is killed: `node live-logs-holder.ts ENGINE_URL INSTALLATION MONGO_URI NATS_URL DATABASE`.
import { connectFakeEngine } from '../../infra/engine/fake/index.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { log, openNats, startFollower } from './live-logs-world.ts';

const [url = '', installation = '', mongoUri = '', natsUrl = '', runtime = ''] = process.argv.slice(2);
const mongo = connectMongo(mongoUri, { appName: 'test', log });
startFollower({
  engine: connectFakeEngine({ url, installation }),
  collections: collections(mongo.client, { bots: `${runtime}_b`, schedules: `${runtime}_s`, runtime }),
  nats: openNats(natsUrl),
  owner: 'child',
  ttlMs: 3_000,
});

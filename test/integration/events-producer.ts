// A producer in a process of its own, to be killed: `node events-producer.ts MONGO NATS BOTS_DATABASE RUNTIME_DATABASE`.
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { connectNats } from '../../infra/nats/connect.ts';
import { createEventConsumer } from '../../producers/events/consumer.ts';
import { BOT_EVENTS } from '../../producers/events/family.ts';

const [mongoUri = '', natsUrl = '', bots = '', runtime = ''] = process.argv.slice(2);
const log = createLogger({ level: process.env['TEST_LOG'] ?? 'silent', service: 'test' });
const mongo = connectMongo(mongoUri, { appName: 'test', log });
createEventConsumer({
  family: BOT_EVENTS,
  nats: connectNats({ url: natsUrl, name: 'test', log }),
  mongo,
  collections: collections(mongo.client, { bots, schedules: `${bots}_schedules`, runtime }),
  installation: 'killed',
  owner: `pid-${process.pid}`,
  log,
  leaseTtlMs: 500,
}).start();
setInterval(() => undefined, 60_000);

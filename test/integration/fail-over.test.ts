import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { onNewPrimary } from '../../infra/mongo/new-primary.ts';
import { until } from '../support/poll.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';

const log = createLogger({ level: 'silent', service: 'test' });
let mongo: OwnServer;

beforeAll(async () => {
  mongo = await ownMongo();
}, 60_000);
afterAll(() => mongo?.dispose());

it('a primary that steps down and is elected again is noticed, though every command succeeds', async () => {
  await using link = connectMongo(mongo.url, { appName: 'test', log });
  await link.topology();
  let elections = 0;
  using _following = onNewPrimary(link.client, () => (elections += 1));
  const admin = new MongoClient(mongo.url, { directConnection: true });
  try {
    await admin.db('admin').command({ replSetStepDown: 1, force: true });
    await until(() => elections > 0, { timeoutMs: 30_000 });
    await link.client.db('x').collection('y').insertOne({});
    expect(elections).toBe(1);
  } finally {
    await admin.close();
  }
}, 60_000);

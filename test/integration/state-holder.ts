import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { loadSettings } from '../../infra/config/load.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, databaseNames } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { StateKeeper } from '../../processors/state/keeper.ts';
import { stateDeps } from '../support/state-deps.ts';

/** Saves one bot's state again and again, until it is killed. Says `saved` after each. */
const [id = '', image = '', bucket = '', environment = '{}'] = process.argv.slice(2);
const settings = loadSettings(JSON.parse(environment) as Record<string, string>);
const engine = createDockerEngine({
  installation: settings.INSTALLATION,
  log: createLogger({ level: 'silent', service: 'test' }),
});
const mongo = await MongoClient.connect(settings.MONGO_URI);
const all = collections(mongo, databaseNames(settings));
const s3 = new S3Client({ ...s3Options(settings), callTimeoutMs: 1_000, stallTimeoutMs: 1_000 });
const keeper = new StateKeeper(stateDeps({ engine, image, s3, bucket, all }));
for (;;) {
  try {
    const { kind } = await keeper.save(id, AbortSignal.timeout(10_000));
    console.log(kind);
  } catch (error) {
    console.log(`failed: ${(error as Error).message}`);
  }
  await sleep(20);
}

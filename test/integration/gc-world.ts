import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { StorageSweep, type StoragePolicy, type StorageSweepDeps } from '../../producers/gc/storage-sweep.ts';
import { botDocument } from '../support/bots.ts';
import { testServers } from '../support/servers.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The last day of which `leave` makes a log. */
const LAST_LOG_DAY_MS = Date.UTC(2026, 10, 24);

const POLICY: StoragePolicy = {
  graceMs: DAY_MS,
  maxSharePercent: 25,
  // Counted from that day on: its logs are as young whenever the tests run.
  keepLogDays: 90 + Math.floor((Date.now() - LAST_LOG_DAY_MS) / DAY_MS),
  keepArchives: 2,
  staleMs: HOUR_MS,
};

/** Buckets and databases of a test file's own, emptied before each case. Call it at the top of a test file. */
export class GcWorld {
  readonly servers = testServers();
  readonly log = createLogger({ level: 'silent', service: 'test' });
  readonly s3 = new S3Client(s3Options(loadSettings(this.servers.environment)));
  readonly mongo = new MongoClient(this.servers.mongoUri);
  readonly collections: Collections = collections(this.mongo, this.servers.databases);
  readonly buckets = {
    logs: `${this.servers.bucketPrefix}logs`,
    state: `${this.servers.bucketPrefix}state`,
    queries: `${this.servers.bucketPrefix}queries`,
  };
  /** Ahead of the host's clock by so much. */
  aheadMs = 0;

  constructor() {
    beforeAll(async () => {
      await this.mongo.connect();
      await ensureIndexes(this.collections);
      for (const bucket of Object.values(this.buckets)) await this.s3.ensureBucket(bucket);
    });
    beforeEach(async () => {
      this.aheadMs = 0;
      for (const bucket of Object.values(this.buckets))
        for await (const page of this.s3.bulk.pages(bucket, ''))
          await this.s3.bulk.removeMany(
            bucket,
            page.map(({ key }) => key),
          );
      const { bots, schedules, eventOrder, scheduleEventOrder, botLogs, botState, gcReports } =
        this.collections;
      for (const each of [bots, schedules, eventOrder, scheduleEventOrder, botLogs, botState, gcReports])
        await each.deleteMany({});
      await this.collections.holds.deleteMany({});
      await this.collections.restarts.deleteMany({});
      await this.collections.runs.deleteMany({});
    });
    afterAll(async () => {
      for (const name of Object.values(this.servers.databases)) await this.mongo.db(name).dropDatabase();
      await this.mongo.close();
      this.s3[Symbol.dispose]();
    });
  }

  readonly now = (): number => Date.now() + this.aheadMs;

  sweep(more: Partial<StoragePolicy> = {}, deps: Partial<StorageSweepDeps> = {}): StorageSweep {
    const { s3, buckets, collections: all, now } = this;
    return new StorageSweep({
      s3,
      buckets,
      collections: all,
      policy: { ...POLICY, ...more },
      now,
      ...deps,
    });
  }

  /** What a bot leaves: two days of log, state, an earlier archive, a query's result, our records of it, operators’ wishes. */
  async leave(id: string): Promise<void> {
    const { logs, state, queries } = this.buckets;
    await Promise.all([
      this.s3.put(logs, `logs/${id}/20261123.log`, 'yesterday\n'),
      this.s3.put(logs, `logs/${id}/20261124.log`, 'today\n'),
      this.s3.put(state, `${id}/state.tar.gz`, 'archive'),
      this.s3.put(state, `.history/${id}/20261123T000000Z.tar.gz`, 'earlier'),
      this.s3.put(queries, `${id}/1763954585000-00112233/result.json`, '{}'),
      this.collections.botState.insertOne({ _id: id, updatedAt: new Date() }),
      this.collections.botLogs.insertOne({
        _id: id,
        day: '20261124',
        bytes: 6,
        flushedAt: new Date(),
        droppedBytes: 0,
      }),
      this.collections.holds.insertOne({ _id: id, who: 'ann', why: 'incident', at: new Date() }),
      this.collections.restarts.insertOne({ _id: id, count: 1, who: 'ann', why: 'image', at: new Date() }),
    ]);
  }

  /** Everything that is in the buckets of an id. */
  async left(id: string): Promise<string[]> {
    const keys: string[] = [];
    for (const bucket of Object.values(this.buckets))
      for await (const page of this.s3.bulk.pages(bucket, ''))
        keys.push(...page.map(({ key }) => key).filter((key) => key.split('/').includes(id)));
    return keys;
  }

  async lives(...ids: string[]): Promise<void> {
    await this.collections.bots.insertMany(ids.map((id) => botDocument(id, { filePath: 'owner/bot/1.0.0' })));
  }

  /** Its document is gone and its tombstone says so. */
  async deleted(id: string, agoMs: number, family: 'eventOrder' | 'scheduleEventOrder' = 'eventOrder') {
    await this.collections.bots.deleteOne({ id });
    await this.collections[family].insertOne({
      _id: id,
      streamCreatedAt: new Date(0),
      sequence: 1,
      deletedAt: new Date(this.now() - agoMs),
    });
  }
}

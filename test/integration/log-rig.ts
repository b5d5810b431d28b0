import { Registry } from 'prom-client';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options, type S3Options } from '../../infra/s3/client.ts';
import { LogKeeper, type LogKeeperOptions } from '../../processors/logs/keeper.ts';
import { LogMetrics } from '../../processors/logs/metrics.ts';
import { Output } from '../support/log-output.ts';
import type { TestServers } from '../support/servers.ts';

export type LogRig = {
  output: Output;
  s3: S3Client;
  bucket: string;
  /** What the clock says; the time of entries is told by each. */
  clock: { nowMs: number };
  keeper: (options?: Partial<LogKeeperOptions>) => LogKeeper;
  /** Through another address, such as a fault proxy's. */
  s3At: (options: Partial<S3Options>) => S3Client;
  /** Lines of each day's object, in order. */
  stored: (bot: string) => Promise<Record<string, string[]>>;
};

export const NO_SIGNAL = new AbortController().signal;

const HONOURED = { create: true, replace: true, complete: true };

/** The log of bots in a real S3, printed by an engine of the test's own. */
export async function logRig(
  servers: TestServers,
  options: { collections: Pick<Collections, 'botLogs'>; nowMs: number },
): Promise<LogRig & Disposable> {
  const settings = loadSettings(servers.environment);
  const s3 = new S3Client(s3Options(settings));
  const bucket = `${servers.bucketPrefix}logs`;
  await s3.ensureBucket(bucket);
  const output = new Output();
  const clock = { nowMs: options.nowMs };
  const clients = [s3];
  return {
    output,
    s3,
    bucket,
    clock,
    s3At: (other) => {
      const client = new S3Client({ ...s3Options(settings), ...other });
      clients.push(client);
      return client;
    },
    keeper: (overrides = {}) =>
      new LogKeeper({
        engine: output.engine,
        s3,
        bucket,
        collections: options.collections,
        limits: { lineKb: 64, rateBytes: 1e9, dayBytes: 1e12 },
        conditions: HONOURED,
        exclusive: () => Promise.reject(new Error('conditions are honoured')),
        metrics: new LogMetrics({ registry: new Registry() }),
        now: () => clock.nowMs,
        log: createLogger({ level: 'silent', service: 'test' }),
        ...overrides,
      }),
    stored: async (bot) => {
      const days: Record<string, string[]> = {};
      for (const { key } of await s3.list(bucket, `logs/${bot}/`)) {
        const { content } = await s3.conditional.read(bucket, key, { maxBytes: 1e9 });
        const text = content.toString('utf8');
        if (!text.endsWith('\n')) throw new Error(`${key} does not end with a newline`);
        days[key.slice(-12, -4)] = text.slice(0, -1).split('\n');
      }
      return days;
    },
    [Symbol.dispose]: () => {
      for (const client of clients) client[Symbol.dispose]();
    },
  };
}

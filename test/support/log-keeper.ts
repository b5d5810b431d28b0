import { Registry } from 'prom-client';
import { createLogger } from '../../infra/logger.ts';
import { LogKeeper, type LogKeeperOptions } from '../../processors/logs/keeper.ts';
import type { LogStorage } from '../../processors/logs/log-object.ts';
import { LogMetrics } from '../../processors/logs/metrics.ts';
import type { Output } from './log-output.ts';
import type { MemoryStorage } from './log-storage.ts';

/** When unit tests of logs take place: the day changes. */
export const MIDNIGHT = Date.UTC(2026, 10, 25);

/** A keeper without limits or servers. */
export function keeperOf(output: Output, s3: LogStorage, options: Partial<LogKeeperOptions> = {}): LogKeeper {
  const hints = { findOne: () => Promise.resolve(null), updateOne: () => Promise.resolve() };
  return new LogKeeper({
    engine: output.engine,
    s3,
    bucket: 'logs',
    collections: { botLogs: hints } as unknown as LogKeeperOptions['collections'],
    limits: { lineKb: 64, rateBytes: 1e9, dayBytes: 1e12 },
    conditions: { create: true, replace: true, complete: true },
    exclusive: () => Promise.reject(new Error('not needed')),
    metrics: new LogMetrics({ registry: new Registry() }),
    now: () => MIDNIGHT,
    log: createLogger({ level: 'silent', service: 'test' }),
    ...options,
  });
}

/** What the lines of an object say. */
export const messagesOf = (storage: MemoryStorage, key: string): string[] =>
  (storage.objects.get(key)?.content.toString('utf8').trimEnd().split('\n') ?? []).map(
    (line) => (JSON.parse(line) as { message: string }).message,
  );

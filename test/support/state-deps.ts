import { randomBytes } from 'node:crypto';
import type { Engine } from '../../infra/engine/port.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { createLogger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import type { StateDeps } from '../../processors/state/deps.ts';
import type { StateLimits } from '../../processors/state/limits.ts';

const MB = 2 ** 20;

export const LIMITS: StateLimits = { maxBytes: 64 * MB, maxFileBytes: MB, maxFiles: 500, keepArchives: 3 };

/** What keeps states, in a test or in a process that a test kills. */
export function stateDeps(options: {
  engine: Engine;
  image: string;
  s3: S3Client;
  bucket: string;
  all: Pick<Collections, 'botState' | 'leases'>;
}): StateDeps {
  const { engine, image, s3, bucket, all } = options;
  return {
    engine,
    s3,
    bucket,
    limits: LIMITS,
    botState: all.botState,
    leases: new LeaseStore(all.leases),
    image: () => Promise.resolve(image),
    conditions: () => Promise.resolve(true),
    assertOurBucket: () => Promise.resolve(),
    owner: 'test',
    log: createLogger({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent', service: 'test' }),
    now: Date.now,
    newId: () => randomBytes(6).toString('hex'),
  };
}

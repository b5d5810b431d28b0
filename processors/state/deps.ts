import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import type { LeaseStore } from '../../infra/lease-store.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import type { StateLimits } from './limits.ts';
import type { StateMetrics } from './metrics.ts';

/** What an archive is kept in. */
export type ArchiveStore = {
  s3: S3Client;
  bucket: string;
  limits: StateLimits;
  /** Where archives lie while they are made or read. Default: the system's folder for temporary files. */
  temporaryFolder?: string;
};

export type StateDeps = ArchiveStore & {
  engine: Engine;
  botState: Collection<BotStateDocument>;
  /** An image that the engine has, with a shell, for helpers on volumes. */
  image: (signal: AbortSignal) => Promise<string>;
  /** Whether the S3 at hand keeps to conditions on a put (`probeConditions`: `create` and `replace`). */
  conditions: () => Promise<boolean>;
  /** Rejects where the bucket is not the installation's own: an archive that is missing there was not deleted by anybody. */
  assertOurBucket: (signal: AbortSignal) => Promise<void>;
  /** Stands in where it does not. */
  leases: LeaseStore;
  /** Names this process. */
  owner: string;
  /** Unset: nothing is counted. */
  metrics?: StateMetrics;
  log: Logger;
  now: () => number;
  newId: () => string;
};

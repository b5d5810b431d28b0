import type { Redis } from 'ioredis';
import type { MongoClient } from 'mongodb';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Settings } from '../../infra/config/settings.ts';
import type { Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import type { DataQueues } from '../../queues/data-queues.ts';
import type { BotQueues } from '../../queues/queues.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';

/** The producing ends of all queues, over one connection. */
export type ApiQueues = { redis: Redis; bots: BotQueues; schedules: ScheduleQueues; data: DataQueues };

/**
 * What the API's handlers reach the installation by: of a process that lives on, or of one command. What may be away while
 * the rest is answered is asked for at its use.
 */
export type ApiConnections = {
  settings: Settings;
  log: Logger;
  mongo: MongoClient;
  collections: Collections;
  s3: S3Client;
  /** Rejects with `Unavailable` while Redis is away. */
  queues: () => Promise<ApiQueues>;
  /** Rejects with `Unavailable` while NATS is away, or where NATS_URL is not set. */
  nats: () => Promise<NatsConnection>;
  /** The installation's time, that of MongoDB. */
  now: () => Date;
  newId: () => string;
};

import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { NOTIFICATION_KINDS, type NotificationKind } from '../../model/notifications.ts';
import type { BotStatus } from '../../model/status.ts';
import { LateQueues } from '../../producers/notify/jobs-wait.ts';
import { look, type LookDeps } from '../../producers/notify/look.ts';
import type { Receiver } from '../../producers/notify/receiver.ts';
import { Sender, type SenderDeps } from '../../producers/notify/sender.ts';
import { Watcher, type WatcherDeps } from '../../producers/notify/watcher.ts';
import { testServers } from '../support/servers.ts';

const MINUTE = 60_000;

/** Notifications on a real MongoDB, by a clock that the test moves. */
export class NotifyWorld implements AsyncDisposable {
  readonly collections: Collections;
  readonly signal = new AbortController().signal;
  /** Epoch milliseconds. */
  nowMs = Date.parse('2026-11-29T10:00:00Z');
  readonly #mongo: MongoClient;
  readonly #log = createLogger({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent', service: 'test' });

  private constructor(mongo: MongoClient, all: Collections) {
    this.#mongo = mongo;
    this.collections = all;
  }

  static async open(): Promise<NotifyWorld> {
    const servers = testServers();
    const mongo = await MongoClient.connect(servers.mongoUri);
    const all = collections(mongo, servers.databases);
    await ensureIndexes(all);
    return new NotifyWorld(mongo, all);
  }

  /** Everything is as it was in the beginning, less the clock. */
  async clear(): Promise<void> {
    const { status, scheduleStatus, runs, notifications, notificationOutbox, installation } =
      this.collections;
    await Promise.all([
      status.deleteMany({}),
      scheduleStatus.deleteMany({}),
      runs.deleteMany({}),
      notifications.deleteMany({}),
      notificationOutbox.deleteMany({}),
      installation.deleteMany({}),
    ]);
  }

  readonly now = (): Date => new Date(this.nowMs);

  pass(ms: number): void {
    this.nowMs += ms;
  }

  /** A process that looks. Each has only what is on record. */
  watcher(
    receivers: readonly Receiver[],
    options: Partial<WatcherDeps> & { queues?: LookDeps['queues'] } = {},
  ): Watcher {
    const { queues = [], ...more } = options;
    const rules = { crashes: 5, overdueMs: 25_000, runsAtOnce: 2 };
    const deps = { collections: this.collections, queues, lateQueues: new LateQueues(), ...rules };
    return new Watcher({
      collections: this.collections,
      look: (at, missedSince) => look(deps, at, missedSince),
      receivers,
      windowMs: 10 * MINUTE,
      retryForMs: 24 * 60 * MINUTE,
      telling: { installation: 'the0' },
      now: this.now,
      newId: randomUUID,
      log: this.#log,
      ...more,
    });
  }

  /** A process that sends. */
  sender(receivers: readonly Receiver[], options: Partial<SenderDeps> = {}): Sender {
    return new Sender({
      collections: this.collections,
      receivers,
      keys: [],
      userAgent: 'the0-runtime/test',
      now: this.now,
      random: () => 0.5,
      log: this.#log,
      timeoutMs: 1_000,
      ...options,
    });
  }

  async setBot(id: string, more: Partial<BotStatus>): Promise<void> {
    await this.collections.status.updateOne(
      { _id: id },
      {
        $set: {
          phase: 'backing-off',
          reason: 'It ended with exit code 1; it is started again.',
          since: this.now(),
          updatedAt: this.now(),
          restarts: 0,
          consecutiveFailures: 5,
          token: 1,
          ...more,
        },
      },
      { upsert: true },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mongo.close();
  }
}

export const receiver = (
  url: string,
  { name = 'one', kinds = NOTIFICATION_KINDS }: { name?: string; kinds?: readonly NotificationKind[] } = {},
): Receiver => ({ url, name, kinds: new Set(kinds) });

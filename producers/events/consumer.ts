import type { JsMsg } from '@nats-io/jetstream';
import type { Collection } from 'mongodb';
import { pause } from '../../infra/pause.ts';
import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease, type HeldLease } from '../../infra/leases.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import type { BotDocument } from '../../model/bots.ts';
import type { EventStore } from './apply.ts';
import { readBacklog } from './backlog.ts';
import { ACK_WAIT_MS, bind, type Binding } from './binding.ts';
import type { EventFamily } from './family.ts';
import { Lanes } from './lanes.ts';
import { parseEvent } from './parse.ts';
import { pull } from './pull.ts';
import { SessionPool } from './sessions.ts';
import { settle, type SettleContext } from './settle.ts';
import { enter, newStats, type EventStats } from './stats.ts';
import { messageOf } from '../../infra/message-of.ts';

export type EventConsumerOptions = {
  family: EventFamily;
  nats: NatsLink;
  mongo: Pick<MongoLink, 'client' | 'topology'>;
  collections: Pick<
    Collections,
    | EventFamily['documents']
    | EventFamily['order']
    | 'eventSessions'
    | 'poison'
    | 'leases'
    | 'wishTraces'
    | 'history'
  >;
  installation: string;
  /** Names this process to people, in the lease. */
  owner: string;
  log: Logger;
  /** Bots whose events are applied at once. */
  concurrency?: number;
  leaseTtlMs?: number;
  now?: () => Date;
};

export type EventConsumer = AsyncDisposable & {
  start(): void;
  /** Resolves once the event in hand is settled and the lease given back. */
  stop(): Promise<void>;
  readonly stats: Readonly<EventStats>;
};

/** Events in hand at once: bounds memory too, since each may have megabytes. */
const BATCH = 128;
const CONCURRENCY = 16;
/** A pull that finds nothing ends after this and is made again. */
const PULL_EXPIRES_MS = 10_000;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 2000;

/** Carries the platform's events of one family into MongoDB, wherever several producers run in just one of them. */
export function createEventConsumer(options: EventConsumerOptions): EventConsumer {
  const stats = newStats();
  const log = options.log.child({ consumer: options.family.name });
  const sessions = new SessionPool(options.mongo.client, options.concurrency ?? CONCURRENCY);
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;

  const consumer: EventConsumer = {
    stats,
    start() {
      if (running !== undefined) return;
      stopping = new AbortController();
      enter(stats, 'waiting-for-lease');
      running = holdLease({
        store: new LeaseStore(options.collections.leases),
        name: `${options.installation}:events:${options.family.name}`,
        owner: options.owner,
        signal: stopping.signal,
        log,
        ...(options.leaseTtlMs === undefined
          ? {}
          : { ttlMs: options.leaseTtlMs, renewEveryMs: options.leaseTtlMs * 0.3 }),
        onAcquired: (held) => consumeWhileHeld(options, sessions, stats, log, held),
        onLost: () => {
          enter(stats, 'waiting-for-lease');
        },
      });
    },
    async stop() {
      stopping?.abort();
      await running;
      running = undefined;
      enter(stats, 'stopped');
    },
    [Symbol.asyncDispose]: () => consumer.stop(),
  };
  return consumer;
}

/** Binds and reads until the lease ends. Whatever goes wrong (stream gone, consumer gone, NATS away), it binds anew. */
async function consumeWhileHeld(
  options: EventConsumerOptions,
  sessions: SessionPool,
  stats: EventStats,
  log: Logger,
  held: HeldLease,
): Promise<void> {
  const now = options.now ?? (() => new Date());
  const { poison } = options.collections;
  const storeOutage = new OutageLog(log, 'the event store');
  const streamOutage = new OutageLog(log, 'the event stream');
  enter(stats, 'waiting-for-mongo');
  const store = await untilDone(held.signal, storeOutage, () => openStore(options, sessions));
  while (held.isHeld()) {
    enter(stats, 'waiting-for-nats');
    const { connection, ended } = await options.nats.session(held.signal);
    const failures = {
      failed(error: unknown): void {
        stats.lastError = messageOf(error);
        streamOutage.failed(error);
      },
    };
    await untilDone(AbortSignal.any([held.signal, ended]), failures, async () => {
      // Each time anew: a stream that was read may be gone.
      enter(stats, 'waiting-for-stream');
      const binding = await bind(connection, options.installation, options.family);
      const backlog = await readBacklog(connection, options.family, {
        ...binding,
        over: AbortSignal.any([held.signal, ended]),
      });
      enter(stats, 'consuming');
      stats.bindings += 1;
      streamOutage.recovered();
      const { durable, streamCreatedAt } = binding;
      log.info({ durable, streamCreatedAt }, 'consuming events');
      await readBatches(options, binding, ended, {
        store,
        poison,
        streamCreatedAt,
        backlog,
        held,
        stats,
        log,
        outage: storeOutage,
        now,
      });
    }).catch((error: unknown) => {
      // Only the session with NATS ended: the next one goes on.
      if (!ended.aborted) throw error;
    });
  }
}

/** Finds out what MongoDB can do, and ends what a predecessor has left open there. */
async function openStore(options: EventConsumerOptions, sessions: SessionPool): Promise<EventStore> {
  const { family, collections } = options;
  const store: EventStore = {
    // What events write is the same in both kinds of documents.
    documents: collections[family.documents] as Collection<BotDocument>,
    eventOrder: collections[family.order],
    wishTraces: collections.wishTraces,
  };
  const { transactions } = await options.mongo.topology();
  if (!transactions) return store;
  await sessions.takeOver(collections.eventSessions, `${options.installation}:${family.name}`);
  return { ...store, history: collections.history, withSession: (work) => sessions.lend(work) };
}

/** Tries until it succeeds, waiting a little longer each time. Rejects only with the reason of `signal`. */
async function untilDone<T>(
  signal: AbortSignal,
  outage: { failed(error: unknown): unknown },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      outage.failed(error);
      await pause(waitMs, signal);
    }
  }
}

async function readBatches(
  options: EventConsumerOptions,
  binding: Binding,
  ended: AbortSignal,
  context: SettleContext,
): Promise<void> {
  let complete = true;
  while (context.held.isHeld() && !ended.aborted && complete)
    complete = await readBatch(options, binding, AbortSignal.any([context.held.signal, ended]), context);
}

/** False where a delivery got lost on its way: what follows it is newer, so the durable must start over before. */
async function readBatch(
  { family, concurrency = CONCURRENCY }: EventConsumerOptions,
  binding: Binding,
  over: AbortSignal,
  context: SettleContext,
): Promise<boolean> {
  const { held, stats } = context;
  const lanes = new Lanes(concurrency);
  const inHand = new Set<JsMsg>();
  // What waits here for MongoDB shall not be delivered again meanwhile.
  const keepAlive = setInterval(
    () => held.isHeld() && inHand.forEach((message) => keepInHand(message, context.log)),
    ACK_WAIT_MS / 3,
  );
  keepAlive.unref();
  try {
    for await (const message of pull(binding.consumer, { max: BATCH, expiresMs: PULL_EXPIRES_MS, over })) {
      if (message.info.deliverySequence !== binding.delivered + 1) return false;
      binding.delivered += 1;
      stats.pending = message.info.pending;
      inHand.add(message);
      const parsed = parseEvent(family, message.subject, message.data);
      const lane = 'event' in parsed ? parsed.event.botId : '';
      lanes.add(lane, async () => {
        await settle(message, parsed, context);
        inHand.delete(message);
      });
    }
    return true;
  } finally {
    await lanes.idle();
    clearInterval(keepAlive);
  }
}

function keepInHand(message: JsMsg, log: Logger): void {
  try {
    message.working();
  } catch (error) {
    // The connection is closed for good: the events come again on the next one.
    log.debug({ error: messageOf(error) }, 'event not kept in hand');
  }
}

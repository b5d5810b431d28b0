import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, EngineEvent } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Collections, LogPosition } from '../../infra/mongo/collections.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import { pause } from '../../infra/pause.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import type { FlushPolicy } from '../../model/flush-policy.ts';
import { LABEL } from '../../model/labels.ts';
import type { DataQueues } from '../../queues/data-queues.ts';
import { FlushAsker } from './flush-asker.ts';
import { Followed, type FollowedDeps } from './followed.ts';
import type { LiveLogMetrics } from './metrics.ts';
import { MARKS } from './marks.ts';
import { Budget, Outbox } from './outbox.ts';
import type { Beginning } from './output-stream.ts';
import { PositionStore } from './position-store.ts';
import { Publisher } from './publisher.ts';
import { RateCap } from './rate-cap.ts';
import { liveSubject } from './subject.ts';

export type LiveLogsOptions = {
  engine: Engine;
  /** Throws where the engine that answers is not the installation's own. */
  sameEngine: () => Promise<void>;
  /** Unset: no live logs; saves are asked for all the same. */
  nats: Pick<NatsLink, 'session' | 'connected'> | undefined;
  collections: Pick<Collections, 'logPositions' | 'botLogs'>;
  queues: Pick<DataQueues, 'add'>;
  policy: FlushPolicy;
  /** LOG_RATE_KB */
  rateKb: number;
  metrics: LiveLogMetrics;
  log: Logger;
  now?: () => number;
  /** How often the engine is asked for containers that no event told of. */
  listEveryMs?: number;
};

/** Kinds of containers whose output is a bot's log. */
const KINDS: readonly string[] = ['bot', 'run'];
const TICK_MS = 1_000;
const LIST_EVERY_MS = 30_000;
const LOOK_BACK_EVERY_MS = 60_000;
const TOUCH_EVERY_MS = 24 * 60 * 60 * 1_000;
const MAX_PAUSE_MS = 1_000;
/** Read again when the event stream is reopened, since the engine's clock and ours may differ a little. */
const OVERLAP_MS = 2_000;
/** Output of all bots together that waits while NATS is away. */
const WAITING_BYTES = 32 * 1024 * 1024;
/** Together less than the lease is ours for after its last renewal. */
const LINGER_MS = 500;
const DRAIN_MS = 1_500;

type Seen = { id: string; labels: Readonly<Record<string, string>> };

/**
 * Follows the output of every container of bots and runs on an engine: shows it live on NATS, and asks for it to be saved.
 * To be run by one process at a time, under a lease.
 */
export class LiveLogs {
  readonly #options: LiveLogsOptions;
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #positions: PositionStore;
  readonly #asker: FlushAsker;
  readonly #publisher: Publisher | undefined;
  readonly #followedDeps: FollowedDeps;
  /** Running, by container id. */
  readonly #followed = new Map<string, Followed>();
  /** Of containers that ended: should they be started again, it goes on there. */
  readonly #ended = new Map<string, LogPosition>();
  readonly #caps = new Map<string, RateCap>();
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: LiveLogsOptions) {
    const { nats, metrics, log, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#log = log;
    this.#positions = new PositionStore({ collection: options.collections.logPositions, now, log });
    this.#asker = new FlushAsker({
      botLogs: options.collections.botLogs,
      queues: options.queues,
      policy: options.policy,
      now,
      log,
    });
    this.#publisher = nats === undefined ? undefined : new Publisher({ nats, metrics, log, now });
    this.#followedDeps = {
      engine: options.engine,
      publisher: this.#publisher,
      positions: this.#positions,
      asker: this.#asker,
      budget: new Budget(WAITING_BYTES),
      rateKb: options.rateKb,
      metrics,
      log,
      now,
    };
  }

  /**
   * Until `held` aborts, as the lease's signal does. `stopping` tells a process that leaves, which still publishes what it has
   * and notes how far that is, from one that lost the lease, which leaves everything to the other.
   */
  async run(held: AbortSignal, stopping: AbortSignal): Promise<void> {
    const sinceMs = this.#now();
    const ending = new AbortController();
    const signal = AbortSignal.any([held, ending.signal]);
    try {
      await untilSucceeds('The list of containers to follow', () => this.#takeOver(signal), {
        everyMs: 1_000,
        signal,
        log: this.#log,
      });
      const loops = Promise.all([
        this.#followEvents(sinceMs, signal),
        this.#every(this.#options.listEveryMs ?? LIST_EVERY_MS, signal, () => this.#list(signal)),
        this.#every(TICK_MS, signal, () => this.#tick()),
        this.#every(LOOK_BACK_EVERY_MS, signal, () => this.#lookBack()),
        this.#every(TOUCH_EVERY_MS, signal, () =>
          this.#positions.touch([...this.#followed.keys(), ...this.#ended.keys()]),
        ),
        this.#publisher?.run(signal),
      ]);
      await Promise.race([loops, endOf(signal)]);
      await within(LINGER_MS, loops);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ending.abort();
      await within(LINGER_MS, Promise.all(this.#tasks));
      if (stopping.aborted) await this.#leave();
      for (const followed of this.#followed.values()) followed.outbox.clear();
      this.#followed.clear();
      this.#options.metrics.streams(0);
    }
  }

  async #takeOver(signal: AbortSignal): Promise<void> {
    // On another engine all containers are missing.
    await this.#options.sameEngine();
    const found = await this.#found(signal);
    const { known, gone } = await this.#positions.takeOver(found.map(({ id }) => id));
    for (const botId of new Set(gone.map((one) => one.botId))) this.#tellGone(botId);
    for (const { id, labels, state } of found) {
      const left = known.get(id);
      if (state === 'created') continue;
      const beginning: Beginning =
        left === undefined
          ? { kind: 'unknown' }
          : { kind: 'position', position: left.position, settled: left.settled };
      this.#follow({ id, labels }, beginning, signal);
    }
    await this.#lookBack();
  }

  /** Its container was removed between a follower that was killed and this one. */
  #tellGone(botId: string): void {
    const outbox = new Outbox({ budget: this.#followedDeps.budget, limitBytes: 1_024 });
    outbox.mark(MARKS.goneUnread);
    this.#publisher?.wake({
      containerId: '',
      subject: liveSubject(botId),
      outbox,
      onPublished: () => undefined,
    });
  }

  /** Those that no event told of: the stream of events may have had a gap. Forgets those that are gone. */
  async #list(signal: AbortSignal): Promise<void> {
    const found = await this.#found(signal);
    for (const { id, labels, state } of found)
      if (state === 'running') this.#follow({ id, labels }, this.#after(id), signal);
    const present = new Set(found.map(({ id }) => id));
    // What waits to be published is noted once it is, which would bring its position back.
    const waiting = new Set(this.#publisher?.waiting());
    const gone = [...this.#ended.keys()].filter((id) => !present.has(id) && !waiting.has(id));
    for (const id of gone) this.#ended.delete(id);
    if (gone.length > 0) await this.#positions.remove(gone);
    const bots = new Set(found.map(({ labels }) => labels[LABEL.id]));
    for (const botId of this.#caps.keys()) if (!bots.has(botId)) this.#caps.delete(botId);
  }

  async #found(signal: AbortSignal) {
    const containers = await this.#options.engine.list({}, { signal });
    return containers.filter(({ labels }) => isBots(labels) && labels[LABEL.id] !== undefined);
  }

  async #followEvents(fromMs: number, signal: AbortSignal): Promise<void> {
    const outage = new OutageLog(this.#log, 'The event stream of the engine');
    let sinceMs = fromMs;
    let pauseMs = 50;
    while (!signal.aborted) {
      try {
        for await (const event of this.#options.engine.events({ sinceMs: sinceMs - OVERLAP_MS, signal })) {
          pauseMs = 50;
          outage.recovered();
          sinceMs = Math.max(sinceMs, event.atMs);
          if (isBots(event.labels)) this.#happened(event, signal);
        }
      } catch (error) {
        if (!signal.aborted) outage.failed(error);
      }
      await pause(pauseMs, signal);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }

  #happened({ type, containerId, labels }: EngineEvent, signal: AbortSignal): void {
    // One that ended before it was followed, as short runs do, is read all the same.
    if (type === 'started' || (type === 'died' && !this.#ended.has(containerId)))
      this.#follow({ id: containerId, labels }, this.#after(containerId), signal, type === 'started');
  }

  #after(containerId: string): Beginning {
    const position = this.#ended.get(containerId);
    return position === undefined ? { kind: 'fresh' } : { kind: 'position', position, settled: true };
  }

  #follow({ id, labels }: Seen, beginning: Beginning, signal: AbortSignal, started = false): void {
    const botId = labels[LABEL.id];
    if (botId === undefined || signal.aborted) return;
    const present = this.#followed.get(id);
    if (present !== undefined) {
      if (started) present.startedAgain();
      return;
    }
    this.#ended.delete(id);
    const followed = new Followed(this.#followedDeps, {
      botId,
      containerId: id,
      beginning,
      cap: this.#capOf(botId),
    });
    this.#followed.set(id, followed);
    this.#options.metrics.streams(this.#followed.size);
    const task = followed.follow(signal).then(() => {
      if (signal.aborted) return;
      this.#ended.set(id, followed.position);
      this.#followed.delete(id);
      this.#options.metrics.streams(this.#followed.size);
    });
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  /** One for all containers of a bot or schedule. */
  #capOf(botId: string): RateCap {
    const known = this.#caps.get(botId) ?? new RateCap({ bytesPerSecond: this.#options.rateKb * 1024 });
    this.#caps.set(botId, known);
    return known;
  }

  async #tick(): Promise<void> {
    for (const followed of this.#followed.values()) followed.tellLeftOut();
    await Promise.all([this.#positions.write(), this.#asker.tick()]);
  }

  async #lookBack(): Promise<void> {
    const bots = [...this.#followed.values()].map(({ botId, newestMs }) => ({ botId, newestMs }));
    if (bots.length > 0) await this.#asker.lookBack(bots);
  }

  async #leave(): Promise<void> {
    await this.#publisher?.drain(DRAIN_MS);
    // What was sent without an answer may have been shown: the next one has to say so.
    const open = new Set(this.#publisher?.waiting());
    const settled = [...this.#followed.keys(), ...this.#ended.keys()].filter((id) => !open.has(id));
    const left = this.#positions.settle(settled).catch((error: unknown) => {
      this.#log.debug({ error: messageOf(error) }, 'The positions of live logs could not be left in order');
    });
    await within(DRAIN_MS, left);
  }

  async #every(ms: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    const outage = new OutageLog(this.#log, 'The follower of live logs');
    while (!signal.aborted) {
      await pause(ms, signal);
      if (signal.aborted) return;
      try {
        await work();
        outage.recovered();
      } catch (error) {
        if (!signal.aborted) outage.failed(error);
      }
    }
  }
}

/** Waits for what is under way, but not for a database that does not answer. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, sleep(ms, undefined, { ref: false })]);
}

async function endOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const isBots = (labels: Readonly<Record<string, string>>): boolean =>
  KINDS.includes(labels[LABEL.kind] ?? '');

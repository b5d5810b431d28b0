import type { LogPosition } from '../../infra/mongo/collections.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { NatsLink, NatsSession } from '../../infra/nats/connect.ts';
import { pause } from '../../infra/pause.ts';
import { unlessAborted } from '../../infra/unless-aborted.ts';
import type { LiveLogMetrics } from './metrics.ts';
import type { Chunk, Outbox } from './outbox.ts';

/** Whose output it is, and where it goes. */
export type Target = {
  readonly containerId: string;
  readonly subject: string;
  readonly outbox: Outbox;
  /** NATS has everything up to here. */
  onPublished(position: LogPosition): void;
};

/** What comes within this goes together. */
const COALESCE_MS = 50;
const MESSAGE_BYTES = 256 * 1024;
/** Published before NATS is asked whether it has it all. */
const ROUND_BYTES = 8 * 1024 * 1024;
const CONFIRM_MS = 5_000;
const RETRY_MS = 200;

type Sent = { target: Target; chunk: Chunk };

/**
 * Publishes what waits in outboxes, round by round. A round counts as published once NATS has answered after it; where it
 * does not, it goes out again, marked. While NATS is away everything stays where it is, in the outboxes' bounded space.
 */
export class Publisher {
  readonly #nats: Pick<NatsLink, 'session' | 'connected'>;
  readonly #metrics: LiveLogMetrics;
  readonly #now: () => number;
  readonly #outage: OutageLog;
  readonly #waiting = new Set<Target>();
  /** Whose messages are sent and not confirmed. */
  readonly #sending = new Set<Target>();
  #underWay: Promise<boolean> = Promise.resolve(true);
  #wake: (() => void) | undefined;
  #rounds = Promise.withResolvers<void>();
  #hurry = Promise.withResolvers<void>();

  constructor(options: {
    nats: Pick<NatsLink, 'session' | 'connected'>;
    metrics: LiveLogMetrics;
    log: Logger;
    now: () => number;
  }) {
    this.#nats = options.nats;
    this.#metrics = options.metrics;
    this.#now = options.now;
    this.#outage = new OutageLog(options.log, 'Publishing of live logs');
  }

  /** There is something in its outbox. */
  wake(target: Target): void {
    this.#waiting.add(target);
    this.#wake?.();
  }

  /** Containers with output that NATS does not have yet, or has not confirmed. */
  waiting(): string[] {
    return [...this.#waiting, ...this.#sending].map(({ containerId }) => containerId);
  }

  /** Resolves after the next round, which comes at once: for a reader that is far ahead. Undefined while NATS is away: nobody waits then. */
  nextRound(): Promise<void> | undefined {
    if (!this.#nats.connected) return undefined;
    this.#hurry.resolve();
    return this.#rounds.promise;
  }

  /** Until `signal` aborts; the round under way is finished. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#something(signal);
      await Promise.race([pause(COALESCE_MS, signal), this.#hurry.promise]);
      this.#hurry = Promise.withResolvers<void>();
      if (signal.aborted) return;
      const session = await this.#nats.session(signal).catch(() => undefined);
      if (session === undefined || signal.aborted) return;
      this.#underWay = this.#round(session);
      const published = await this.#underWay;
      this.#rounds.resolve();
      this.#rounds = Promise.withResolvers<void>();
      if (!published) await pause(RETRY_MS, signal);
    }
  }

  /** Publishes what waits, if NATS takes it now. */
  async drain(deadlineMs: number): Promise<void> {
    const giveUp = AbortSignal.timeout(deadlineMs);
    // One after the other: what is under way comes first.
    await unlessAborted(this.#underWay, giveUp).catch(() => undefined);
    if (this.#sending.size > 0) return;
    while (this.#waiting.size > 0 && this.#nats.connected && !giveUp.aborted) {
      const session = await this.#nats.session(giveUp).catch(() => undefined);
      if (session === undefined || !(await this.#round(session, giveUp))) return;
    }
  }

  async #something(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size > 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    await promise;
    // There are many rounds a second, and the signal lives as long as the process.
    signal.removeEventListener('abort', onAbort);
    this.#wake = undefined;
  }

  async #round({ connection, ended }: NatsSession, giveUp?: AbortSignal): Promise<boolean> {
    const most = Math.min(MESSAGE_BYTES, connection.info?.max_payload ?? MESSAGE_BYTES);
    const sent = this.#take(most);
    for (const { target } of sent) this.#sending.add(target);
    try {
      for (const { target, chunk } of sent) connection.publish(target.subject, chunk.payload);
      await unlessAborted(
        connection.flush(),
        AbortSignal.any([ended, AbortSignal.timeout(CONFIRM_MS), ...(giveUp === undefined ? [] : [giveUp])]),
      );
    } catch (error) {
      this.#outage.failed(error);
      for (const { target, chunk } of sent.reverse()) {
        target.outbox.giveBack(chunk);
        this.#waiting.add(target);
      }
      return false;
    } finally {
      this.#sending.clear();
    }
    this.#outage.recovered();
    for (const entry of sent) this.#settle(entry);
    return true;
  }

  /** One message of each container in turn, so that one that floods does not keep the others waiting. */
  #take(most: number): Sent[] {
    const sent: Sent[] = [];
    let bytes = 0;
    while (this.#waiting.size > 0 && bytes < ROUND_BYTES)
      for (const target of [...this.#waiting]) {
        const chunk = bytes < ROUND_BYTES ? target.outbox.take(most) : undefined;
        if (chunk !== undefined) sent.push({ target, chunk });
        bytes += chunk?.payload.length ?? 0;
        if (target.outbox.isEmpty) this.#waiting.delete(target);
      }
    return sent;
  }

  #settle({ target, chunk }: Sent): void {
    const oldest = chunk.pieces.find(({ atMs }) => atMs !== undefined)?.atMs;
    this.#metrics.published(chunk.payload.length, oldest === undefined ? undefined : this.#now() - oldest);
    const position = chunk.pieces.findLast((piece) => piece.position !== undefined)?.position;
    if (position !== undefined) target.onPublished(position);
  }
}

import type { Collections } from '../../infra/mongo/collections.ts';
import type { NotificationMessageDocument } from '../../infra/mongo/notification-documents.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { backoffDelayMs, type BackoffPolicy } from '../../model/backoff.ts';
import { post, type Answer } from './post.ts';
import type { Keys, Receiver } from './receiver.ts';

const BACKOFF: BackoffPolicy = { firstMs: 10_000, maxMs: 600_000 };
/** Half of the delay is certain, so that an hour's outage is not spent on attempts in its first minute. */
const CERTAIN = 0.5;
const IDLE_MS = 1_000;
const STRANGERS_EVERY_MS = 60_000;

export type SenderDeps = {
  collections: Pick<Collections, 'notificationOutbox'>;
  receivers: readonly Receiver[];
  keys: Keys;
  userAgent: string;
  /** The installation's time. */
  now: () => Date;
  random: () => number;
  log: Logger;
  /** After each attempt. */
  onAttempt?: (receiver: string, outcome: 'delivered' | 'failed' | 'given-up') => void;
  timeoutMs?: number;
};

/** Why a receiver takes nothing just now, since when, and when it is tried again. */
export type Trouble = { problem: string; since: Date; until: Date; failures: number };

/**
 * Sends what is in the outbox, to each receiver by itself and one after the other. A message is taken out only once the
 * receiver has said that it has it: it may come twice, with the same id.
 */
export class Sender {
  readonly #deps: SenderDeps;
  readonly #troubles = new Map<string, Trouble>();
  readonly #outage: OutageLog;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#outage = new OutageLog(deps.log, 'The outbox of notifications');
  }

  get troubles(): ReadonlyMap<string, Trouble> {
    return this.#troubles;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      ...this.#deps.receivers.map(async (receiver) => {
        while (!signal.aborted) {
          await this.sendDue(receiver, signal);
          await pause(IDLE_MS, signal);
        }
      }),
      this.#forgetStrangers(signal),
    ]);
  }

  /** Sends all that is due for it, until there is no more or it has to be left alone. Never rejects. */
  async sendDue(receiver: Receiver, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted && !this.#isLeftAlone(receiver)) {
        const message = await this.#next(receiver);
        this.#outage.recovered();
        if (message === undefined) return;
        await this.#send(receiver, message, signal);
      }
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  #isLeftAlone({ name }: Receiver): boolean {
    const trouble = this.#troubles.get(name);
    return trouble !== undefined && this.#deps.now() < trouble.until;
  }

  /** The end of a problem is not told before the problem. */
  async #next({ name }: Receiver): Promise<NotificationMessageDocument | undefined> {
    const { notificationOutbox } = this.#deps.collections;
    const due = { waiting: true as const, receiver: name, nextAt: { $lte: this.#deps.now() } };
    for await (const message of notificationOutbox.find(due).sort({ nextAt: 1 })) {
      const { after } = message;
      const before =
        after === undefined ? null : await notificationOutbox.findOne({ _id: after, waiting: true });
      if (before === null) return message;
    }
    return undefined;
  }

  async #send(receiver: Receiver, message: NotificationMessageDocument, signal: AbortSignal): Promise<void> {
    const { keys, userAgent, now, timeoutMs } = this.#deps;
    const answer = await post(receiver, message, {
      keys,
      userAgent,
      now: now(),
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    // Cut off by us: it is sent again by whoever comes next.
    if (!answer.taken && signal.aborted) return;
    await this.#settle(receiver, message, answer);
  }

  async #settle(
    { name }: Receiver,
    { _id, attempts, giveUpAt, messageId }: NotificationMessageDocument,
    answer: Answer,
  ): Promise<void> {
    const { collections, now, log, onAttempt } = this.#deps;
    const at = now();
    if (answer.taken) {
      if (this.#troubles.delete(name))
        log.info({ receiver: name }, 'The receiver of notifications takes them again');
      await collections.notificationOutbox.updateOne(
        { _id },
        {
          $set: { outcome: 'delivered', settledAt: at, attempts: attempts + 1 },
          $unset: { waiting: true, problem: true },
        },
      );
      onAttempt?.(name, 'delivered');
      return;
    }
    const { problem, final } = answer;
    const delayMs = this.#delayMs(attempts + 1, answer.retryAfterMs);
    if (answer.resting) this.#noteTrouble(name, answer, at);
    const nextAt = new Date(at.getTime() + delayMs);
    if (final || nextAt > giveUpAt) {
      await collections.notificationOutbox.updateOne(
        { _id },
        {
          $set: { outcome: 'given-up', problem, settledAt: at, attempts: attempts + 1 },
          $unset: { waiting: true },
        },
      );
      log.warn({ receiver: name, messageId, problem }, 'A notification is given up');
      onAttempt?.(name, 'given-up');
      return;
    }
    await collections.notificationOutbox.updateOne(
      { _id },
      { $set: { problem, nextAt, attempts: attempts + 1 } },
    );
    onAttempt?.(name, 'failed');
  }

  #noteTrouble(name: string, { problem, retryAfterMs }: Extract<Answer, { taken: false }>, at: Date): void {
    const before = this.#troubles.get(name);
    const failures = (before?.failures ?? 0) + 1;
    const until = new Date(at.getTime() + this.#delayMs(failures, retryAfterMs));
    this.#troubles.set(name, { problem, since: before?.since ?? at, until, failures });
    if (before === undefined)
      this.#deps.log.warn({ receiver: name, problem }, 'A receiver of notifications does not take them');
  }

  #delayMs(failures: number, retryAfterMs = 0): number {
    const { random } = this.#deps;
    const delayMs = backoffDelayMs(failures, BACKOFF, () => CERTAIN + (1 - CERTAIN) * random());
    return Math.max(delayMs, retryAfterMs);
  }

  async #forgetStrangers(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.giveUpStrangers();
      await pause(STRANGERS_EVERY_MS, signal);
    }
  }

  /**
   * Gives up messages for receivers that the settings do not name, once their time is over: another process, with other
   * settings, may know them and send next. Never rejects.
   */
  async giveUpStrangers(): Promise<void> {
    const { collections, receivers, now } = this.#deps;
    try {
      await collections.notificationOutbox.updateMany(
        {
          waiting: true,
          receiver: { $nin: receivers.map(({ name }) => name) },
          giveUpAt: { $lte: now() },
        },
        {
          $set: { outcome: 'given-up', problem: 'NOTIFY_URLS does not name it', settledAt: now() },
          $unset: { waiting: true },
        },
      );
    } catch (error) {
      this.#outage.failed(error);
    }
  }
}

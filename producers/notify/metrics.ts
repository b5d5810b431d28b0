import { Counter, Gauge, type Registry } from 'prom-client';
import type { Collections } from '../../infra/mongo/collections.ts';

const OUTCOMES = ['delivered', 'failed', 'given-up'] as const;

/** How many problems are told, and whether their messages get through. */
export class NotifyMetrics {
  readonly #attempts: Counter<'receiver' | 'outcome'>;
  readonly #waiting: Gauge<'receiver'>;
  readonly #oldest: Gauge<'receiver'>;
  readonly #open: Gauge;
  readonly #receivers: readonly string[];

  constructor({ registry, receivers }: { registry: Registry; receivers: readonly string[] }) {
    const registers = [registry];
    this.#receivers = receivers;
    this.#attempts = new Counter({
      name: 'the0_notification_attempts_total',
      help: 'Attempts to send a notification, by what came of them; given-up ones are lost',
      labelNames: ['receiver', 'outcome'],
      registers,
    });
    this.#waiting = new Gauge({
      name: 'the0_notifications_waiting',
      help: 'Messages that a receiver is still to get; only where they are sent from',
      labelNames: ['receiver'],
      registers,
    });
    this.#oldest = new Gauge({
      name: 'the0_notifications_oldest_age_seconds',
      help: 'Age of the oldest of them; 0 where there is none',
      labelNames: ['receiver'],
      registers,
    });
    this.#open = new Gauge({
      name: 'the0_notifications_open',
      help: 'Problems that were told and are not over',
      registers,
    });
    // A series that exists from the start lets a monitor see the first failure as an increase.
    for (const receiver of receivers)
      for (const outcome of OUTCOMES) this.#attempts.inc({ receiver, outcome }, 0);
  }

  attempt(receiver: string, outcome: (typeof OUTCOMES)[number]): void {
    this.#attempts.inc({ receiver, outcome });
  }

  open(count: number): void {
    this.#open.set(count);
  }

  /** Reads the outbox. */
  async readOutbox(
    { notificationOutbox }: Pick<Collections, 'notificationOutbox'>,
    now: Date,
  ): Promise<void> {
    const found = await notificationOutbox
      .aggregate<{ _id: string; count: number; oldest: Date }>([
        { $match: { waiting: true } },
        { $group: { _id: '$receiver', count: { $sum: 1 }, oldest: { $min: '$createdAt' } } },
      ])
      .toArray();
    const of = new Map(found.map((each) => [each._id, each]));
    for (const receiver of this.#receivers) {
      const { count = 0, oldest = now } = of.get(receiver) ?? {};
      this.#waiting.set({ receiver }, count);
      this.#oldest.set({ receiver }, Math.max(0, now.getTime() - oldest.getTime()) / 1_000);
    }
  }

  /** Another process sends now: it knows. */
  forget(): void {
    for (const gauge of [this.#waiting, this.#oldest, this.#open]) gauge.reset();
  }
}

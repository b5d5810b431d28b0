import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  ReplayPolicy,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import { measured } from './apply.ts';
import type { EventFamily } from './family.ts';
import { parseEvent, type BotEvent } from './parse.ts';
import { pull } from './pull.ts';

/**
 * Which events of a backlog a later one of it has made moot. Applied one by one, days of history would start a bot that its
 * owner has deleted since, and set one that runs back to a configuration of last week.
 */
export class Backlog {
  /** By bot: the newest event that says all there is to say. A `created` says nothing where the bot is there already. */
  readonly #decisive = new Map<string, number>();

  note(event: BotEvent, sequence: number): void {
    if (event.kind === 'created') return;
    this.#decisive.set(event.botId, Math.max(sequence, this.#decisive.get(event.botId) ?? 0));
  }

  isMoot(event: BotEvent, sequence: number): boolean {
    return sequence < (this.#decisive.get(event.botId) ?? 0);
  }
}

const BATCH = 256;
const PULL_EXPIRES_MS = 2_000;
/** What we leave behind when we die in the middle of it goes by itself. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Looks through what is on the stream behind `settledUpTo`, without taking any of it. What it misses (a connection that breaks)
 * is merely applied one by one.
 * @throws JetStreamApiError where the stream is absent, among others
 */
export async function readBacklog(
  connection: NatsConnection,
  family: EventFamily,
  { settledUpTo, pending, over }: { settledUpTo: number; pending: number; over: AbortSignal },
): Promise<Backlog> {
  const backlog = new Backlog();
  if (pending <= 1) return backlog;
  const jsm = await jetstreamManager(connection, { checkAPI: false });
  const info = await jsm.consumers.add(EVENTS_STREAM, {
    filter_subject: family.filterSubject,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: settledUpTo + 1,
    replay_policy: ReplayPolicy.Instant,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
  });
  try {
    const consumer = jetstream(connection).consumers.getConsumerFromInfo(info);
    let left = info.num_pending;
    while (left > 0 && !over.aborted) {
      const before = left;
      const batch = { max: Math.min(BATCH, left), expiresMs: PULL_EXPIRES_MS, over };
      for await (const message of pull(consumer, batch)) {
        left -= 1;
        note(backlog, family, message);
      }
      if (left === before) break;
    }
    return backlog;
  } finally {
    await jsm.consumers.delete(EVENTS_STREAM, info.name).catch(() => undefined);
  }
}

/** Poison makes nothing moot: of what it was meant to say nothing comes true. */
function note(backlog: Backlog, family: EventFamily, message: JsMsg): void {
  const parsed = measured(parseEvent(family, message.subject, message.data), message.data.length);
  if ('event' in parsed) backlog.note(parsed.event, message.seq);
}

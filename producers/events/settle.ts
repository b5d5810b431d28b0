import type { JsMsg } from '@nats-io/jetstream';
import type { Collection } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import { pause } from '../../infra/pause.ts';
import type { HeldLease } from '../../infra/leases.ts';
import type { Logger, OutageLog } from '../../infra/logger.ts';
import type { EventOrder, PoisonEvent } from '../../infra/mongo/collections.ts';
import { currentSpan, inSpan, inStep } from '../../infra/tracing/tracing.ts';
import {
  applyEvent,
  mayBeTheEventsFault,
  measured,
  storageRefusal,
  type Applied,
  type EventStore,
} from './apply.ts';
import type { Backlog } from './backlog.ts';
import type { BotEvent, ParsedEvent } from './parse.ts';
import { keepPoison } from './poison.ts';
import type { EventStats } from './stats.ts';
import { messageOf } from '../../infra/message-of.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2000;
/** So often in a row MongoDB may refuse an event for a reason unknown to us, over some 10 s, before it is poison. */
const MAX_REFUSALS = 10;

export type SettleContext = {
  store: EventStore;
  poison: Collection<PoisonEvent>;
  streamCreatedAt: Date;
  /** Of the binding: what lay there when it was made. */
  backlog: Backlog;
  held: HeldLease;
  stats: EventStats;
  log: Logger;
  outage: OutageLog;
  now: () => Date;
};

/**
 * Brings one message to its end: written and acknowledged, kept as poison and terminated, or, where the lease ends
 * first, handed back. While MongoDB is away it tries again in place, so that the events of a bot stay in order. An event
 * that MongoDB refuses again and again becomes poison too, provided that MongoDB then takes the poison: were it MongoDB
 * that is broken, the event would be tried again.
 */
export function settle(message: JsMsg, parsed: ParsedEvent, context: SettleContext): Promise<void> {
  const fields = {
    'messaging.system': 'nats',
    'messaging.destination.name': message.subject,
    'the0.id': 'event' in parsed ? parsed.event.botId : undefined,
    'the0.event.sequence': message.seq,
  };
  const parent = message.headers?.get('traceparent');
  return inSpan('event', { kind: 'consumer', parent, entry: true, fields }, () =>
    bringToEnd(message, parsed, context),
  );
}

async function bringToEnd(message: JsMsg, parsed: ParsedEvent, context: SettleContext): Promise<void> {
  const { held, stats, outage } = context;
  const order: EventOrder = { streamCreatedAt: context.streamCreatedAt, sequence: message.seq };
  const own = measured(parsed, message.data.length);
  let work = own;
  let refusals = 0;
  if (message.redelivered) stats.redelivered += 1;
  for (let waitMs = FIRST_RETRY_MS; held.isHeld(); waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    try {
      if ('poison' in work) await keep(message, work.poison, order, context);
      else report(await write(work.event, order, context), message, work.event.botId, context);
      outage.recovered();
      stats.lastEventAt = context.now();
      stats.lagMs = Math.max(0, stats.lastEventAt.getTime() - message.time.getTime());
      return;
    } catch (error) {
      const refusal = 'poison' in work ? undefined : storageRefusal(error);
      if (refusal !== undefined) {
        work = { poison: refusal };
        continue;
      }
      stats.retries += 1;
      refusals = work !== own ? 0 : mayBeTheEventsFault(error) ? refusals + 1 : 0;
      work =
        refusals >= MAX_REFUSALS
          ? { poison: `MongoDB refuses it again and again: ${messageOf(error)}` }
          : own;
      if (!isConflict(error)) outage.failed(error);
      await pause(waitMs, held.signal);
    }
  }
  acknowledge(() => message.nak(), context);
}

async function write(
  event: BotEvent,
  order: EventOrder,
  { store, backlog }: SettleContext,
): Promise<Applied> {
  if (backlog.isMoot(event, order.sequence)) return 'stale';
  return await inStep('write', () => applyEvent(store, event, order), {
    kind: 'client',
    fields: { 'db.system.name': 'mongodb' },
  });
}

function report(applied: Applied, message: JsMsg, botId: string, context: SettleContext): void {
  context.stats.applied[applied] += 1;
  currentSpan()?.set({ 'the0.event.applied': applied });
  context.log.debug({ botId, subject: message.subject, sequence: message.seq, applied }, 'event applied');
  acknowledge(() => message.ack(), context);
}

async function keep(
  message: JsMsg,
  reason: string,
  order: EventOrder,
  context: SettleContext,
): Promise<void> {
  await keepPoison(
    context.poison,
    { subject: message.subject, payload: message.data, reason },
    order,
    context.now(),
  );
  context.stats.poison += 1;
  currentSpan()?.fail(reason, 'poison');
  context.log.warn(
    { subject: message.subject, sequence: message.seq, reason },
    'event not understood: kept as poison',
  );
  acknowledge(() => message.term(), context);
}

/** An acknowledgement that cannot be sent is no loss: the event comes again, and says the same. */
function acknowledge(send: () => void, context: SettleContext): void {
  try {
    send();
  } catch (error) {
    context.log.debug({ error: messageOf(error) }, 'acknowledgement not sent');
  }
}

/** Two writers met: worth another try at once, and no outage. */
function isConflict(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 112 || code === DUPLICATE_KEY;
}

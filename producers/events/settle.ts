import type { JsMsg } from '@nats-io/jetstream';
import type { Collection } from 'mongodb';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldLease } from '../../infra/leases.ts';
import type { Logger, OutageLog } from '../../infra/logger.ts';
import type { EventOrder, PoisonEvent } from '../../infra/mongo/collections.ts';
import { applyEvent, sizeProblem, storageRefusal, type Applied, type EventStore } from './apply.ts';
import type { ParsedEvent } from './parse.ts';
import { keepPoison } from './poison.ts';
import type { EventStats } from './stats.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2000;
/** From here on a BSON document could be too large: smaller messages need not be measured. */
const MEASURED_FROM_BYTES = 256 * 1024;

export type SettleContext = {
  store: EventStore;
  poison: Collection<PoisonEvent>;
  streamCreatedAt: Date;
  held: HeldLease;
  stats: EventStats;
  log: Logger;
  outage: OutageLog;
  now: () => Date;
};

/**
 * Brings one message to its end: written and acknowledged, kept as poison and terminated, or, where the lease ends
 * first, handed back. While MongoDB is away it tries again in place, so that the events of a bot stay in order.
 */
export async function settle(message: JsMsg, parsed: ParsedEvent, context: SettleContext): Promise<void> {
  const { held, stats, outage } = context;
  const order: EventOrder = { streamCreatedAt: context.streamCreatedAt, sequence: message.seq };
  let work = measured(parsed, message);
  if (message.redelivered) stats.redelivered += 1;
  for (let waitMs = FIRST_RETRY_MS; held.isHeld(); waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    try {
      if ('poison' in work) await keep(message, work.poison, order, context);
      else report(await applyEvent(context.store, work.event, order), message, work.event.botId, context);
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
      if (!isConflict(error)) outage.failed(error);
      await sleep(waitMs, undefined, { signal: held.signal, ref: false }).catch(() => undefined);
    }
  }
  acknowledge(() => message.nak(), context);
}

function measured(parsed: ParsedEvent, message: JsMsg): ParsedEvent {
  if ('poison' in parsed || message.data.length < MEASURED_FROM_BYTES) return parsed;
  const problem = sizeProblem(parsed.event);
  return problem === undefined ? parsed : { poison: problem };
}

function report(applied: Applied, message: JsMsg, botId: string, context: SettleContext): void {
  context.stats.applied[applied] += 1;
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
    context.log.debug(
      { error: error instanceof Error ? error.message : String(error) },
      'acknowledgement not sent',
    );
  }
}

/** Two writers met: worth another try at once, and no outage. */
function isConflict(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 112 || code === 11000;
}

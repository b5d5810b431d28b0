import type { EventOrderDocument } from '../../../infra/mongo/collections.ts';
import type { ExplanationStep } from './explanation.ts';
import type { StoreFacts } from './facts.ts';
import { stamp } from './words.ts';

/** The events that asked for it, or ended it, and those of it that nobody could understand. */
export function eventSteps(
  { poison }: Pick<StoreFacts, 'poison'>,
  {
    order,
    document,
    collection,
  }: { order: EventOrderDocument | undefined; document: boolean; collection: string },
): ExplanationStep[] {
  return [newest(order, document, collection), ...poison.map((event) => poisoned(event, order))];
}

function newest(
  order: EventOrderDocument | undefined,
  document: boolean,
  collection: string,
): ExplanationStep {
  if (order === undefined)
    return {
      kind: 'event',
      text: document
        ? `No event of it is on record: something else wrote it into ${collection}, such as an earlier runtime.`
        : 'No event has told of it.',
      // Nobody may have published it, or no bot-runner may have taken it from NATS.
      obstacle: !document,
    };
  const which = `number ${order.sequence} of the event stream made at ${stamp(order.streamCreatedAt)}`;
  if (order.deletedAt !== undefined)
    return { kind: 'event', text: `An event deleted it: ${which}.`, at: order.deletedAt };
  return { kind: 'event', text: `The newest event of it that was applied is ${which}.` };
}

function poisoned(
  { subject, reason, at, sequence, streamCreatedAt }: StoreFacts['poison'][number],
  order: EventOrderDocument | undefined,
): ExplanationStep {
  const isNewer =
    order === undefined ||
    sequence === undefined ||
    streamCreatedAt === undefined ||
    streamCreatedAt > order.streamCreatedAt ||
    (streamCreatedAt.getTime() === order.streamCreatedAt.getTime() && sequence > order.sequence);
  const which = sequence === undefined ? '' : ` (number ${sequence})`;
  return {
    kind: 'event',
    text: `An event on ${subject}${which} names it and could not be understood: ${reason}. It was kept as poison and had no effect.`,
    at,
    obstacle: isNewer,
  };
}

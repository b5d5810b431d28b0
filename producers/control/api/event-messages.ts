import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { AuditDocument } from '../../../infra/mongo/collections.ts';
import {
  StreamEventsResponseSchema,
  type AuditEntrySchema,
  type EventSchema,
  type StreamEventsResponse,
} from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import type { StreamItem, Subject, ToldEvent } from '../events/subjects.ts';
import { botMessage } from './bot-messages.ts';
import { runMessage } from './run-messages.ts';
import { scheduleMessage } from './schedule-messages.ts';
import { stamp } from './wire.ts';

export const eventMessage = (event: ToldEvent): MessageInitShape<typeof EventSchema> => ({
  at: stamp(event.at),
  id: event.id,
  kind: event.kind,
  text: event.text,
  before: event.before,
  after: event.after,
  who: event.who ?? '',
  subject: event.subject,
  schedule: event.schedule ?? '',
});

/** Items as messages: each is made once, for all who follow. */
export class ItemMessages {
  readonly #whole = new WeakMap<StreamItem, StreamEventsResponse>();
  readonly #bare = new WeakMap<StreamItem, StreamEventsResponse>();

  of(item: StreamItem, { withSubject }: { withSubject: boolean }): StreamEventsResponse {
    const made = withSubject ? this.#whole : this.#bare;
    const known = made.get(item);
    if (known !== undefined) return known;
    const message = create(StreamEventsResponseSchema, {
      event: eventMessage(item.event),
      position: item.position,
      ...(withSubject && item.subject !== undefined ? { subject: subjectMessage(item.subject) } : {}),
    });
    made.set(item, message);
    return message;
  }
}

function subjectMessage(
  subject: Subject,
): NonNullable<MessageInitShape<typeof StreamEventsResponseSchema>['subject']> {
  switch (subject.case) {
    case 'bot':
      return { case: 'bot', value: botMessage(subject.value) } as const;
    case 'schedule':
      return { case: 'schedule', value: scheduleMessage(subject.value) } as const;
    case 'run':
      return { case: 'run', value: runMessage(subject.value) } as const;
  }
}

export const auditMessage = (entry: AuditDocument): MessageInitShape<typeof AuditEntrySchema> => ({
  id: entry._id.toHexString(),
  at: stamp(entry.at),
  who: entry.who,
  role: entry.role,
  what: entry.what,
  target: entry.target,
  why: entry.why,
  outcome: entry.outcome,
  message: entry.message ?? '',
  endedAt: stamp(entry.endedAt),
});

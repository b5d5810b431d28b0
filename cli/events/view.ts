import type { Event } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { isoOf, text } from '../client/views/fields.ts';

/** As the API has them. */
export const EVENT_KINDS = ['phase', 'run', 'removed', 'hold', 'restart', 'deploy', 'gap'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** What has happened, as `events --json` shows it. */
export type EventView = {
  at: string;
  /** Of a bot, schedule or run. */
  id: string;
  kind: string;
  text: string;
  /** What it was and what it is now: a phase or a state. */
  before: string | null;
  after: string | null;
  who: string | null;
  /** `bot`, `schedule` or `run`. */
  subject: string | null;
  schedule: string | null;
};

export const eventView = (event: Event): EventView => ({
  at: isoOf(event.at),
  id: event.id,
  kind: event.kind,
  text: event.text,
  before: text(event.before),
  after: text(event.after),
  who: text(event.who),
  subject: text(event.subject),
  schedule: text(event.schedule),
});

import type { Collections } from '../../infra/mongo/collections.ts';
import type { EventKind } from './parse.ts';

/** A subject family of the platform's stream: one consumer each, since order is kept only within a family. */
export type EventFamily = {
  /** Part of the durable's name. */
  name: string;
  /** The consumer's one filter: servers before 2.10 take no list. */
  filterSubject: string;
  subjects: Readonly<Record<EventKind, string>>;
  /** Where its documents go, and the order of their events: ids of different families never meet. */
  documents: keyof Pick<Collections, 'bots' | 'schedules'>;
  order: keyof Pick<Collections, 'eventOrder' | 'scheduleEventOrder'>;
};

const subjects = (prefix: string): Pick<EventFamily, 'filterSubject' | 'subjects'> => ({
  filterSubject: `${prefix}.*`,
  subjects: { created: `${prefix}.created`, updated: `${prefix}.updated`, deleted: `${prefix}.deleted` },
});

/** Realtime bots. `the0.bot.*` does not match the live logs, which have one token more. */
export const BOT_EVENTS: EventFamily = {
  name: 'bots',
  ...subjects('the0.bot'),
  documents: 'bots',
  order: 'eventOrder',
};

/** Bots run by cron. Their documents have the same content; `next_execution_time` is no event's business. */
export const SCHEDULE_EVENTS: EventFamily = {
  name: 'schedules',
  ...subjects('the0.bot-schedule'),
  documents: 'schedules',
  order: 'scheduleEventOrder',
};

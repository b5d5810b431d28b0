import type { EventKind } from './parse.ts';

/** A subject family of the platform's stream: one consumer each, since order is kept only within a family. */
export type EventFamily = {
  /** Part of the durable's name. */
  name: string;
  /** The consumer's one filter: servers before 2.10 take no list. */
  filterSubject: string;
  subjects: Readonly<Record<EventKind, string>>;
};

const family = (name: string, prefix: string): EventFamily => ({
  name,
  filterSubject: `${prefix}.*`,
  subjects: { created: `${prefix}.created`, updated: `${prefix}.updated`, deleted: `${prefix}.deleted` },
});

/** Realtime bots. `the0.bot.*` does not match the live logs, which have one token more. */
export const BOT_EVENTS: EventFamily = family('bots', 'the0.bot');

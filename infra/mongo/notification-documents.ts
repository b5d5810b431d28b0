import type { NotificationKind, NotificationPayload, Subject } from '../../model/notifications.ts';

/** A problem that was told, from the first look that saw it until it is over; the next of the same name takes its place. */
export type NotificationEpisodeDocument = {
  /** `conditionKey`. */
  _id: string;
  /** Names this time that it came, in messages. */
  episode: string;
  kind: NotificationKind;
  subject: Subject;
  since: Date;
  what: string;
  why: string;
  todo: readonly string[];
  /** Of one that stands for many: their names. */
  members?: readonly string[];
  /** Absent once it is over, so that a partial index holds the open ones alone. */
  open?: true;
  /** Since when it has not been seen any more. */
  goneAt?: Date;
  resolvedAt?: Date;
  /** What is to be put into the outbox: written with the step that it tells of, and taken out once it is there. */
  pending?: { at: Date; payload: NotificationPayload };
};

/** One message for one receiver. */
export type NotificationMessageDocument = {
  /** The message's id and the receiver's name: `<episode>.<status> <receiver>`. */
  _id: string;
  receiver: string;
  /** Sent as it stands, each time the same. */
  body: string;
  messageId: string;
  /** Of the message that has to be out before this one. */
  after?: string;
  createdAt: Date;
  /** Present until it was taken or given up. */
  waiting?: true;
  attempts: number;
  nextAt: Date;
  giveUpAt: Date;
  /** Why the last attempt failed. */
  problem?: string;
  outcome?: 'delivered' | 'given-up';
  settledAt?: Date;
};

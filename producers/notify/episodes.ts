import type { Collection } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { HAS_PENDING } from '../../infra/mongo/indexed-queries.ts';
import type {
  NotificationEpisodeDocument,
  NotificationMessageDocument,
} from '../../infra/mongo/notification-documents.ts';
import {
  conditionKey,
  problemMessage,
  resolvedMessage,
  type NewProblem,
  type NotificationPayload,
  type Telling,
} from '../../model/notifications.ts';
import type { Receiver } from './receiver.ts';

type Stores = Pick<Collections, 'notifications' | 'notificationOutbox'>;

/** What is read of every problem that lasts. */
export type OpenEpisode = Pick<
  NotificationEpisodeDocument,
  '_id' | 'episode' | 'kind' | 'subject' | 'members' | 'goneAt'
>;

export const openEpisodes = ({ notifications }: Stores): Promise<OpenEpisode[]> =>
  notifications
    .find({ open: true })
    .project<OpenEpisode>({ episode: 1, kind: 1, subject: 1, members: 1, goneAt: 1 })
    .toArray();

/** Puts a new problem on record, with the message about it. Whoever was faster has done so already. */
export async function beginEpisode(
  { notifications }: Stores,
  problem: NewProblem,
  { episode, telling }: { episode: string; telling: Telling },
): Promise<void> {
  const { kind, subject, since, what, why, todo, members } = problem;
  const payload = problemMessage(problem, { episode }, telling);
  const pending = { at: telling.at, payload };
  const crowd = members === undefined ? {} : { members };
  try {
    await notifications.updateOne(
      { _id: conditionKey(problem), open: { $exists: false } },
      {
        $set: { episode, kind, subject, since, what, why, todo, ...crowd, open: true, pending },
        $unset: { goneAt: true, resolvedAt: true },
      },
      { upsert: true },
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
  }
}

/** Notes that it is not seen any more, or again. */
export async function noteGone(
  { notifications }: Stores,
  { _id, episode }: OpenEpisode,
  goneAt: Date | undefined,
): Promise<void> {
  await notifications.updateOne(
    { _id, episode, open: true },
    goneAt === undefined ? { $unset: { goneAt: true } } : { $set: { goneAt } },
  );
}

/** It is over: the message about that is on record with it. */
export async function endEpisode(
  { notifications }: Stores,
  { _id, episode }: OpenEpisode,
  { until, telling }: { until: Date; telling: Telling },
): Promise<void> {
  const ended = await notifications.findOne({ _id, episode, open: true });
  if (ended === null) return;
  const payload = resolvedMessage(ended, { episode, until }, telling);
  await notifications.updateOne(
    { _id, episode, open: true },
    { $set: { resolvedAt: telling.at, pending: { at: telling.at, payload } }, $unset: { open: true } },
  );
}

/** Puts into the outbox what is to be told: one message for each receiver that wants it, however often this is done. */
export async function fillOutbox(
  { notifications, notificationOutbox }: Stores,
  receivers: readonly Receiver[],
  retryForMs: number,
): Promise<void> {
  for await (const { _id, kind, pending } of notifications.find(HAS_PENDING).sort({ 'pending.at': 1 })) {
    if (pending === undefined) continue;
    const { at, payload } = pending;
    const messages = receivers
      .filter(({ kinds }) => kinds.has(kind))
      .map(({ name }) => messageFor(name, payload, { at, retryForMs }));
    await insertNew(notificationOutbox, messages);
    await notifications.updateOne({ _id, 'pending.payload.id': payload.id }, { $unset: { pending: true } });
  }
}

function messageFor(
  receiver: string,
  payload: NotificationPayload,
  { at, retryForMs }: { at: Date; retryForMs: number },
): NotificationMessageDocument {
  return {
    _id: outboxId(payload.id, receiver),
    receiver,
    body: JSON.stringify(payload),
    messageId: payload.id,
    ...(payload.status === 'resolved' ? { after: outboxId(`${payload.episode}.problem`, receiver) } : {}),
    createdAt: at,
    waiting: true,
    attempts: 0,
    nextAt: at,
    giveUpAt: new Date(at.getTime() + retryForMs),
  };
}

const outboxId = (messageId: string, receiver: string): string => `${messageId} ${receiver}`;

async function insertNew(
  outbox: Collection<NotificationMessageDocument>,
  messages: readonly NotificationMessageDocument[],
): Promise<void> {
  for (const { _id, ...message } of messages)
    await outbox.updateOne({ _id }, { $setOnInsert: message }, { upsert: true });
}

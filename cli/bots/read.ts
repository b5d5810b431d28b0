import type { Collections } from '../../infra/mongo/collections.ts';
import {
  BOT_PROJECTION,
  botView,
  byTrouble,
  STATUS_PROJECTION,
  type BotFacts,
  type BotView,
  type StatusFacts,
} from './view.ts';

/** All bots, and those whose document is gone while something of them is not, trouble first. */
export async function readBots(collections: Collections): Promise<BotView[]> {
  const [bots, statuses] = await Promise.all([
    collections.bots.find({}, { projection: BOT_PROJECTION }).toArray() as Promise<unknown[]> as Promise<
      BotFacts[]
    >,
    collections.status.find({}, { projection: STATUS_PROJECTION }).toArray() as Promise<unknown[]> as Promise<
      StatusFacts[]
    >,
  ]);
  const statusOf = new Map(statuses.map((status) => [status._id, status]));
  const views = bots.map((bot) => botView(bot.id, bot, statusOf.get(bot.id)));
  const known = new Set(bots.map((bot) => bot.id));
  const leaving = statuses.filter((status) => !known.has(status._id) && status.phase !== 'stopped');
  return [...views, ...leaving.map((status) => botView(status._id, undefined, status))].sort(byTrouble);
}

/** One bot, or undefined where neither a document nor a status of that id exists. */
export async function readBot(collections: Collections, id: string): Promise<BotView | undefined> {
  const [bot, status] = await Promise.all([
    collections.bots.findOne(
      { id },
      { projection: BOT_PROJECTION },
    ) as Promise<unknown> as Promise<BotFacts | null>,
    collections.status.findOne(
      { _id: id },
      { projection: STATUS_PROJECTION },
    ) as Promise<unknown> as Promise<StatusFacts | null>,
  ]);
  return bot === null && status === null ? undefined : botView(id, bot ?? undefined, status ?? undefined);
}

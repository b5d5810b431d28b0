import type { Collections } from '../../../infra/mongo/collections.ts';
import {
  BOT_PROJECTION,
  botView,
  byTrouble,
  STATUS_PROJECTION,
  type BotFacts,
  type BotView,
  type StatusFacts,
} from './view.ts';

export type BotStores = Pick<Collections, 'bots' | 'status' | 'holds' | 'restarts'>;

/** All bots, and those whose document is gone while something of them is not, trouble first. */
export async function readBots(stores: BotStores): Promise<BotView[]> {
  const known = await readKnown(stores);
  return known
    .filter(({ bot, status }) => bot !== undefined || status?.phase !== 'stopped')
    .map(botView)
    .sort(byTrouble);
}

/** One bot, or undefined where neither a document nor a status of that id exists. */
export async function readBot(stores: BotStores, id: string): Promise<BotView | undefined> {
  const [view] = await readSomeBots(stores, [id]);
  return view;
}

/** Those of the ids that there are, in their order. */
export async function readSomeBots(stores: BotStores, ids: readonly string[]): Promise<BotView[]> {
  const known = new Map((await readKnown(stores, ids)).map((one) => [one.id, one]));
  return ids.flatMap((id) => {
    const one = known.get(id);
    return one === undefined ? [] : [botView(one)];
  });
}

async function readKnown(
  { bots, status, holds, restarts }: BotStores,
  ids?: readonly string[],
): Promise<Parameters<typeof botView>[0][]> {
  const some = ids === undefined ? {} : { _id: { $in: [...ids] } };
  const [documents, statuses, held, asked] = await Promise.all([
    bots
      .find(ids === undefined ? {} : { id: { $in: [...ids] } })
      .project<BotFacts>(BOT_PROJECTION)
      .toArray(),
    status.find(some).project<StatusFacts>(STATUS_PROJECTION).toArray(),
    holds.find(some).toArray(),
    restarts.find(some).toArray(),
  ]);
  const botOf = new Map(documents.map((bot) => [bot.id, bot]));
  const statusOf = new Map(statuses.map((one) => [one._id, one]));
  const holdOf = new Map(held.map((hold) => [hold._id, hold]));
  const restartOf = new Map(asked.map((restart) => [restart._id, restart]));
  return [...new Set([...botOf.keys(), ...statusOf.keys()])].map((id) => ({
    id,
    bot: botOf.get(id),
    status: statusOf.get(id),
    hold: holdOf.get(id),
    restart: restartOf.get(id),
  }));
}

import type { Collections } from '../../../infra/mongo/collections.ts';
import { isEnabled } from '../../../model/bots.ts';
import type { BotStatus, Phase } from '../../../model/status.ts';
import type { PageKey } from '../page-token.ts';
import { BOT_PROJECTION, namesOf, phaseOf, troubleOf, type BotFacts } from './view.ts';

export type BotOrder = 'trouble' | 'id' | 'name' | 'since' | 'restarts';

/** A bot as far as lists are filtered and ordered by it. */
export type Row = {
  id: string;
  phase: Phase;
  runtime: string | null;
  held: boolean;
  /** Its owner has it enabled, and nobody holds it. */
  wanted: boolean;
  /** All that is searched, in lower case. */
  text: string;
  name: string | null;
  sinceMs: number | null;
  restarts: number;
};

/** By id among equals; what is not known stands last. */
export function keyOf(order: BotOrder, { id, phase, name, sinceMs, restarts }: Row): PageKey {
  switch (order) {
    case 'trouble':
      return [troubleOf(phase), id];
    case 'id':
      return [id];
    case 'name':
      return [name, id];
    case 'since':
      return [sinceMs === null ? null : -sinceMs, id];
    case 'restarts':
      return [-restarts, id];
  }
}

export type RowStores = Pick<Collections, 'bots' | 'status' | 'holds'>;
type Leaned = Pick<BotStatus, '_id' | 'phase' | 'since' | 'restarts'>;
type Keyed = BotFacts & { _id: unknown };

/** `keys`: MongoDB's own keys of the documents, which are all that a deletion tells. */
export type Rows = { rows: Row[]; keys: Map<string, string> };

const FIELDS = { ...BOT_PROJECTION, _id: 1 } as const;

/** Bots as lists go by them: these, or all. */
export async function readRows({ bots, status, holds }: RowStores, ids?: readonly string[]): Promise<Rows> {
  const some = ids === undefined ? {} : { _id: { $in: [...ids] } };
  const all = { batchSize: 20_000 };
  const [documents, statuses, held] = await Promise.all([
    bots
      .find(ids === undefined ? {} : { id: { $in: [...ids] } }, all)
      .project<Keyed>(FIELDS)
      .toArray(),
    status.find(some, all).project<Leaned>({ phase: 1, since: 1, restarts: 1 }).toArray(),
    holds.find(some, all).project<{ _id: string }>({ _id: 1 }).toArray(),
  ]);
  const statusOf = new Map(statuses.map((one) => [one._id, one]));
  const holding = new Set(held.map(({ _id }) => _id));
  const rows: Row[] = [];
  const keys = new Map<string, string>();
  for (const bot of documents) {
    if (typeof bot.id !== 'string') continue;
    keys.set(String(bot._id), bot.id);
    rows.push(rowOf(bot.id, bot, statusOf.get(bot.id), holding.has(bot.id)));
    statusOf.delete(bot.id);
  }
  // Those whose document is gone while something of them is not.
  for (const [id, one] of statusOf) if (one.phase !== 'stopped') rows.push(rowOf(id, undefined, one, false));
  return { rows, keys };
}

function rowOf(id: string, bot: BotFacts | undefined, status: Leaned | undefined, held: boolean): Row {
  const { name, runtime, version, type } = namesOf(bot);
  return {
    id,
    phase: phaseOf(bot, status),
    runtime,
    held,
    wanted: bot !== undefined && isEnabled(bot) && !held,
    text: `${id}\n${name ?? ''}\n${type ?? ''}\n${version ?? ''}`.toLowerCase(),
    name: name?.toLowerCase() ?? null,
    sinceMs: status?.since?.getTime() ?? null,
    restarts: status?.restarts ?? 0,
  };
}

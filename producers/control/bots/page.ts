import { z } from 'zod';
import type { Phase } from '../../../model/status.ts';
import { pageSize, pageToken, readPageToken, type PageKey } from '../page-token.ts';
import { placeOf, type Fleet, type Placed } from './fleet.ts';
import { readSomeBots, type BotStores } from './read.ts';
import type { BotOrder, Row } from './rows.ts';
import type { BotView } from './view.ts';

/** `text`: part of an id, name, type or version, in any case. Lists that are empty ask for all. */
export type BotFilter = {
  phases?: readonly Phase[];
  text?: string;
  runtimes?: readonly string[];
  /** Only those that an operator holds. */
  held?: boolean;
};

/** `total` and `counts` are of all that match. */
export type PageOfBots = {
  bots: BotView[];
  nextToken: string;
  total: number;
  counts: ReadonlyMap<Phase, number>;
};

const KEYS: Readonly<Record<BotOrder, z.ZodType<PageKey>>> = {
  trouble: z.tuple([z.int(), z.string()]),
  id: z.tuple([z.string()]),
  name: z.tuple([z.string().nullable(), z.string()]),
  since: z.tuple([z.int().nullable(), z.string()]),
  restarts: z.tuple([z.int(), z.string()]),
};

/**
 * A page of bots. What keeps its place in the order from page to page is on exactly one of them, whatever comes, goes or
 * changes its own place meanwhile.
 * @throws InvalidRequest for a page token of another query
 */
export async function pageOfBots(
  { fleet, stores }: { fleet: Fleet; stores: BotStores },
  { filter, order }: { filter: BotFilter; order: BotOrder },
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfBots> {
  const query = { list: 'bots', ...normal(filter), order };
  const size = pageSize(page.size);
  const after = readPageToken(query, page.token, KEYS[order]);
  const matches = matcher(filter);
  const counts = new Map<Phase, number>();
  const shown: Placed[] = [];
  let total = 0;
  const all = await fleet.ordered(order);
  const from = after === undefined ? 0 : placeOf(all, after);
  for (const [at, placed] of all.entries()) {
    const { row } = placed;
    if (!matches(row)) continue;
    total += 1;
    counts.set(row.phase, (counts.get(row.phase) ?? 0) + 1);
    if (at >= from && shown.length <= size) shown.push(placed);
  }
  const more = shown.length > size;
  const last = shown[size - 1];
  return {
    bots: await readSomeBots(
      stores,
      shown.slice(0, size).map(({ row }) => row.id),
    ),
    nextToken: more && last !== undefined ? pageToken(query, last.key) : '',
    total,
    counts,
  };
}

export function matcher({
  phases = [],
  text = '',
  runtimes = [],
  held = false,
}: BotFilter): (row: Row) => boolean {
  const [wantedPhases, wantedRuntimes, part] = [new Set(phases), new Set(runtimes), text.toLowerCase()];
  return (row) =>
    (wantedPhases.size === 0 || wantedPhases.has(row.phase)) &&
    (wantedRuntimes.size === 0 || (row.runtime !== null && wantedRuntimes.has(row.runtime))) &&
    (!held || row.held) &&
    (part === '' || row.text.includes(part));
}

/** The same for filters that ask for the same. */
const normal = ({ phases = [], text = '', runtimes = [], held = false }: BotFilter): Required<BotFilter> => ({
  phases: [...new Set(phases)].sort(),
  text: text.toLowerCase(),
  runtimes: [...new Set(runtimes)].sort(),
  held,
});

import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { type BotPhase, type Bot } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { BOT_PHASE_ORDER, needsSomeone } from '../parts/words.ts';

/** What the fleet's pages know of one bot: small, since there are ten thousand of them. */
export type BotRow = {
  id: string;
  name: string;
  phase: BotPhase;
  reason: string;
  sinceMs: number;
  restarts: number;
  runtime: string;
  version: string;
  type: string;
  heldBy: string;
  nextAttemptMs: number | undefined;
  updatedMs: number;
  /** What a search looks in, in lower case. */
  haystack: string;
  sortName: string;
};

export const msOf = (at: Timestamp | undefined): number | undefined =>
  at === undefined ? undefined : timestampMs(at);

export function rowOf(bot: Bot): BotRow {
  const name = bot.name === '' ? bot.id : bot.name;
  return {
    id: bot.id,
    name,
    phase: bot.phase,
    reason: bot.reason,
    sinceMs: msOf(bot.since) ?? 0,
    restarts: bot.restarts,
    runtime: bot.runtime,
    version: bot.version,
    type: bot.type,
    heldBy: bot.hold?.who ?? '',
    nextAttemptMs: msOf(bot.nextAttempt),
    updatedMs: msOf(bot.updatedAt) ?? 0,
    haystack: `${name}\n${bot.id}\n${bot.type}\n${bot.version}\n${bot.runtime}\n${bot.reason}`.toLowerCase(),
    sortName: name.toLowerCase(),
  };
}

export const SORTS = ['trouble', 'name', 'since', 'restarts', 'version'] as const;
export type Sort = (typeof SORTS)[number];

export type RowQuery = { text: string; phases: ReadonlySet<BotPhase>; sort: Sort; reversed: boolean };

const RANK = new Map(BOT_PHASE_ORDER.map((phase, at) => [phase, at]));
const rank = (row: BotRow): number => RANK.get(row.phase) ?? BOT_PHASE_ORDER.length;
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const ORDERS: Readonly<Record<Sort, (a: BotRow, b: BotRow) => number>> = {
  trouble: (a, b) => rank(a) - rank(b),
  name: (a, b) => byText(a.sortName, b.sortName),
  since: (a, b) => b.sinceMs - a.sinceMs,
  restarts: (a, b) => b.restarts - a.restarts,
  version: (a, b) => byText(a.type, b.type) || byText(a.version, b.version),
};

/** Every word of the text has to be somewhere in the bot. */
export function chosenRows(rows: Iterable<BotRow>, { text, phases, sort, reversed }: RowQuery): BotRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen: BotRow[] = [];
  for (const row of rows) {
    if (phases.size > 0 && !phases.has(row.phase)) continue;
    if (words.every((word) => row.haystack.includes(word))) chosen.push(row);
  }
  const order = ORDERS[sort];
  const sign = reversed ? -1 : 1;
  return chosen.sort((a, b) => sign * order(a, b) || byText(a.sortName, b.sortName) || byText(a.id, b.id));
}

export type FleetSummary = {
  counts: ReadonlyMap<BotPhase, number>;
  /** Newest first. */
  changed: readonly BotRow[];
  changedCount: number;
  /** Trouble first, and of that what began last. */
  needing: readonly BotRow[];
  needingCount: number;
};

/** What an operator wants to know at a glance. `shown`: so many of each list. */
export function summarise(rows: Iterable<BotRow>, sinceMs: number, shown: number): FleetSummary {
  const counts = new Map<BotPhase, number>();
  const changed: BotRow[] = [];
  const needing: BotRow[] = [];
  for (const row of rows) {
    counts.set(row.phase, (counts.get(row.phase) ?? 0) + 1);
    if (row.sinceMs >= sinceMs) changed.push(row);
    if (needsSomeone(row.phase)) needing.push(row);
  }
  changed.sort((a, b) => b.sinceMs - a.sinceMs);
  needing.sort((a, b) => rank(a) - rank(b) || b.sinceMs - a.sinceMs);
  return {
    counts,
    changed: changed.slice(0, shown),
    changedCount: changed.length,
    needing: needing.slice(0, shown),
    needingCount: needing.length,
  };
}

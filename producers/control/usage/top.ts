import type { UsageRoundDocument, UsageSample } from '../../../infra/mongo/usage-documents.ts';
import type { Usage } from '../../../model/usage.ts';
import { BOT_PROJECTION, namesOf, type BotFacts } from '../bots/view.ts';
import type { UsageDeps } from './read.ts';

export type UsageOrder = 'cpu' | 'memory' | 'memory-share';
export type TopQuery = { order: UsageOrder; kind?: 'bot' | 'schedule' | undefined; limit: number };

export type UsageRowView = { id: string; kind: 'bot' | 'schedule'; name: string | null; usage: Usage };
export type TopUsage = {
  rows: UsageRowView[];
  count: number;
  /** Absent: nothing was measured of late. */
  round?: { at: Date; total: Usage | undefined; host: UsageRoundDocument['host'] };
};

/** A round is of now as long as so many more should have come, and so long at least. */
const ROUNDS_MISSED = 3;
const FRESH_MS = 60_000;

/** What uses most now. */
export async function topUsage({ collections, everyMs, now }: UsageDeps, query: TopQuery): Promise<TopUsage> {
  const round = await collections.usageRounds.findOne({}, { sort: { at: -1 } });
  const staleMs = Math.max(FRESH_MS, ROUNDS_MISSED * (round?.everyMs ?? everyMs));
  if (round === null || now().getTime() - round.at.getTime() > staleMs) return { rows: [], count: 0 };
  const { ordered, count } = rank(round.samples, query);
  const names = await namesById(
    collections,
    ordered.map(({ id }) => id),
  );
  const total = round.samples.find(({ kind }) => kind === 'all');
  return {
    rows: ordered.map(({ id, kind, ...usage }) => ({ id, kind, name: names.get(id) ?? null, usage })),
    count,
    round: { at: round.at, total, host: round.host },
  };
}

type Ranked = UsageSample & { kind: 'bot' | 'schedule' };

/** Those that use most, first; by id among equals. `count`: of how many. */
export function rank(
  samples: readonly UsageSample[],
  { order, kind, limit }: TopQuery,
): { ordered: Ranked[]; count: number } {
  const matching = samples.filter(
    (sample): sample is Ranked => sample.kind !== 'all' && (kind === undefined || sample.kind === kind),
  );
  const ordered = matching
    .toSorted((one, other) => weight(order, other) - weight(order, one) || (one.id < other.id ? -1 : 1))
    .slice(0, limit);
  return { ordered, count: matching.length };
}

function weight(order: UsageOrder, { cpu, memory, memoryLimit }: Usage): number {
  if (order === 'cpu') return cpu;
  if (order === 'memory') return memory;
  // What has no limit cannot come close to it.
  return memoryLimit ? memory / memoryLimit : -1;
}

async function namesById(
  { bots, schedules }: UsageDeps['collections'],
  ids: readonly string[],
): Promise<Map<string, string>> {
  const some = { id: { $in: [...ids] } };
  const found = await Promise.all([
    bots.find(some).project<BotFacts>(BOT_PROJECTION).toArray(),
    schedules.find(some).project<BotFacts>(BOT_PROJECTION).toArray(),
  ]);
  return new Map(
    found.flat().flatMap((document): [string, string][] => {
      const { name } = namesOf(document);
      return name === null ? [] : [[document.id, name]];
    }),
  );
}

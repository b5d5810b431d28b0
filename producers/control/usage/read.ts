import type { Collections } from '../../../infra/mongo/collections.ts';
import { USAGE_POINTS_SECONDS } from '../../../infra/mongo/indexed-queries.ts';
import { meansOf, pointsOf } from '../../../infra/mongo/usage-documents.ts';
import { spanOf, type UsageSpan } from '../../../model/usage.ts';
import { intoSteps, niceStep, USAGE_WINDOW_MS, windowStart, type At } from '../../../model/usage-steps.ts';
import { InvalidRequest, NotFound, TooMuch } from '../errors.ts';

const HOUR_MS = 3_600_000;
const MOST_POINTS = 2_000;
/** Nobody looks at less at once, and nothing is measured more often. */
const LEAST_STEP_MS = 1_000;

export type UsageDeps = {
  collections: Pick<Collections, 'usageRounds' | 'usagePoints' | 'usageMeans' | 'bots' | 'schedules'>;
  /** How often it is measured. */
  everyMs: number;
  now: () => Date;
};

export type UsageQuery = {
  /** Of a bot or a schedule; empty: everything together. */
  id: string;
  from?: Date | undefined;
  to?: Date | undefined;
  /** Absent or 0: about 300 steps. */
  stepMs?: number | undefined;
};

export type UsageOverTime = { points: At<UsageSpan>[]; stepMs: number; from: Date; to: Date };

/**
 * What one bot or schedule used over time.
 * @throws InvalidRequest for a span that ends before it begins, TooMuch for more than 2000 steps, NotFound
 */
export async function readUsage(deps: UsageDeps, query: UsageQuery): Promise<UsageOverTime> {
  const { from, to, stepMs, isWhole } = planOf(query, { now: deps.now(), everyMs: deps.everyMs });
  const measured = await measuredBetween(deps, query.id, { from, to, isWhole });
  const points = intoSteps(
    measured.filter(({ atMs }) => atMs >= from.getTime() && atMs < to.getTime()),
    stepMs,
  );
  if (points.length === 0 && query.id !== '') await requireKnown(deps, query.id);
  return { points, stepMs, from, to };
}

type Plan = { from: Date; to: Date; stepMs: number; isWhole: boolean };

/** `isWhole`: all of the span is kept as it was measured. */
export function planOf(query: UsageQuery, { now, everyMs }: { now: Date; everyMs: number }): Plan {
  const to = query.to ?? now;
  const from = query.from ?? new Date(to.getTime() - HOUR_MS);
  const spanMs = to.getTime() - from.getTime();
  if (spanMs <= 0)
    throw new InvalidRequest(
      'from',
      `The span from ${from.toISOString()} to ${to.toISOString()} is empty`,
      'let it begin before it ends',
    );
  const isWhole = from.getTime() >= now.getTime() - USAGE_POINTS_SECONDS * 1000;
  const given = query.stepMs ?? 0;
  const stepMs =
    given > 0
      ? Math.max(given, isWhole ? LEAST_STEP_MS : USAGE_WINDOW_MS)
      : niceStep(spanMs, isWhole ? Math.max(everyMs, LEAST_STEP_MS) : USAGE_WINDOW_MS);
  if (spanMs / stepMs > MOST_POINTS)
    throw new TooMuch(
      'step',
      `A step of ${stepMs / 1000} s divides the span into ${Math.ceil(spanMs / stepMs)}`,
      `ask for ${MOST_POINTS} at most: a longer step, or a shorter span`,
    );
  return { from, to, stepMs, isWhole };
}

/**
 * Everything that was measured, by the latest place in which it is: rounds, which become points and means. Rounds are read
 * first, so that those that become points meanwhile are found there.
 */
async function measuredBetween(
  { collections: { usageRounds, usagePoints, usageMeans } }: UsageDeps,
  id: string,
  { from, to, isWhole }: Omit<Plan, 'stepMs'>,
): Promise<At<UsageSpan>[]> {
  const rounds = await usageRounds
    .find({ at: { $gte: from, $lt: to } }, { projection: { at: 1, samples: { $elemMatch: { id } } } })
    .sort({ at: 1 })
    .toArray();
  const within = (lengthMs: number) => ({
    _id: { $gte: { id, from: new Date(windowStart(from.getTime(), lengthMs)) }, $lt: { id, from: to } },
  });
  const kept = isWhole
    ? (await usagePoints.find(within(USAGE_WINDOW_MS)).sort({ _id: 1 }).toArray()).flatMap(pointsOf)
    : (await usageMeans.find(within(HOUR_MS)).sort({ _id: 1 }).toArray()).flatMap(meansOf);
  const keptWindows = new Set(kept.map(({ atMs }) => windowStart(atMs)));
  const fresh = rounds.flatMap(({ at, samples = [] }) => {
    if (keptWindows.has(windowStart(at.getTime()))) return [];
    return samples.map(({ id: _id, kind: _kind, ...usage }) => ({ ...spanOf(usage), atMs: at.getTime() }));
  });
  return [...kept, ...fresh];
}

/** An empty answer says that nothing was measured; of what never was, that is no answer. */
async function requireKnown({ collections: { bots, schedules } }: UsageDeps, id: string): Promise<void> {
  const only = { projection: { _id: 1 } };
  const found = await Promise.all([bots.findOne({ id }, only), schedules.findOne({ id }, only)]);
  if (found.every((one) => one === null)) throw new NotFound('bot or schedule', id);
}

import type { Collections } from '../../../infra/mongo/collections.ts';
import { isEnabled } from '../../../model/bots.ts';
import { botsByPhase } from '../../../model/fleet.ts';
import type { SchedulePhase } from '../../../model/schedule-status.ts';
import type { Phase } from '../../../model/status.ts';

/** Counts each word of a list. */
export function counted<Word extends string>(words: Iterable<Word>): Map<Word, number> {
  const counts = new Map<Word, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** See `botsByPhase`. Reads ids and phases alone. */
export async function botPhases({
  bots,
  status,
}: Pick<Collections, 'bots' | 'status'>): Promise<Map<Phase, number>> {
  const [documents, statuses] = await Promise.all([
    bots.find({}, { projection: { _id: 0, id: 1, enabled: 1, 'config.enabled': 1 } }).toArray(),
    status.find({}, { projection: { phase: 1 } }).toArray(),
  ]);
  return botsByPhase(
    documents.map((bot) => ({ botId: bot.id, enabled: isEnabled(bot) })),
    new Map(statuses.map((status) => [status._id, status])),
  );
}

/** Schedules by phase, those whose document is gone while a run of them is not over included. */
export async function schedulePhases({
  schedules,
  scheduleStatus,
}: Pick<Collections, 'schedules' | 'scheduleStatus'>): Promise<Map<SchedulePhase | 'pending', number>> {
  const [documents, statuses] = await Promise.all([
    schedules.find({}, { projection: { _id: 0, id: 1 } }).toArray(),
    scheduleStatus.find({}, { projection: { phase: 1 } }).toArray(),
  ]);
  const seen = new Set(statuses.map(({ _id }) => _id));
  const pending = documents.filter(({ id }) => !seen.has(id));
  return counted([...statuses.map(({ phase }) => phase), ...pending.map(() => 'pending' as const)]);
}

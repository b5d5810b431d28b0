import type { Collections, HistoryDocument } from '../../../infra/mongo/collections.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import { readSomeBots } from '../bots/read.ts';
import type { BotView } from '../bots/view.ts';
import { LIST_PROJECTION, runView, type ListedRun, type RunView } from '../run-list/view.ts';
import { readSome } from '../schedule-list/read.ts';
import type { ScheduleView } from '../schedule-list/view.ts';
import type { FeedChange } from './feed.ts';

export type SubjectStores = Pick<
  Collections,
  'bots' | 'status' | 'holds' | 'restarts' | 'schedules' | 'scheduleStatus' | 'runs'
>;

/** A bot, schedule or run as it is. */
export type Subject =
  | { case: 'bot'; value: BotView }
  | { case: 'schedule'; value: ScheduleView }
  | { case: 'run'; value: RunView };

/** What readers are told of a change. */
export type ToldEvent = Pick<
  HistoryDocument,
  'at' | 'id' | 'text' | 'before' | 'after' | 'who' | 'subject' | 'schedule'
> & { kind: HistoryDocument['kind'] | 'changed' };
export type StreamItem = { event: ToldEvent; subject: Subject | undefined; position: string };

/**
 * Changes as readers are told of them: what is new of each bot, schedule or run once, then the entries of stories. Positions
 * are such that whoever is cut off in between has each entry once; that something is new, he may hear again.
 * `position`: after all of them.
 */
export async function itemsOf(
  stores: SubjectStores,
  operator: ScheduleOperator,
  changes: readonly FeedChange[],
  { before, after }: { before: string; after: string },
): Promise<StreamItem[]> {
  const subjects = await readSubjects(stores, operator, [
    ...new Set(changes.map((change) => (change.kind === 'entry' ? change.entry.id : change.id))),
  ]);
  const changed = new Map<string, ToldEvent>();
  const items: StreamItem[] = [];
  for (const change of changes) {
    if (change.kind === 'entry') {
      const { entry } = change;
      const subject = subjects.get(entry.id);
      items.push({
        event: { ...entry, subject: entry.subject || (subject?.case ?? '') },
        subject,
        position: change.token,
      });
    } else changed.set(change.id, changedEvent(change, subjects.get(change.id)));
  }
  const rows = [...changed.values()].map((event) => ({
    event,
    subject: subjects.get(event.id),
    position: before,
  }));
  const all = [...rows, ...items];
  const last = all.at(-1);
  if (last !== undefined) last.position = after;
  return all;
}

const changedEvent = (
  { id, at, subject }: Extract<FeedChange, { kind: 'changed' }>,
  found: Subject | undefined,
): ToldEvent => ({
  at,
  id,
  kind: 'changed',
  subject: found?.case ?? subject,
  text: '',
  before: '',
  after: '',
});

/** Ids of bots and schedules never meet, and those of runs have an `@`. */
async function readSubjects(
  stores: SubjectStores,
  operator: ScheduleOperator,
  ids: readonly string[],
): Promise<Map<string, Subject>> {
  const found = new Map<string, Subject>();
  const runIds = ids.filter((id) => id.includes('@'));
  const others = ids.filter((id) => id !== '' && !id.includes('@'));
  const [bots, schedules, runs] = await Promise.all([
    others.length === 0 ? [] : readSomeBots(stores, others),
    others.length === 0 ? [] : readSome(stores, operator, others),
    runIds.length === 0
      ? []
      : stores.runs
          .find({ _id: { $in: runIds } })
          .project<ListedRun>(LIST_PROJECTION)
          .toArray(),
  ]);
  for (const value of schedules) found.set(value.id, { case: 'schedule', value });
  for (const value of bots) found.set(value.id, { case: 'bot', value });
  for (const run of runs) found.set(run._id, { case: 'run', value: runView(run) });
  return found;
}

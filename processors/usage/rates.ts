import type { ContainerView } from '../../infra/engine/port.ts';
import type { UsageSample } from '../../infra/mongo/usage-documents.ts';
import { LABEL } from '../../model/labels.ts';
import {
  rounded,
  startedAfter,
  together,
  usageBetween,
  type Usage,
  type UsageReading,
} from '../../model/usage.ts';

/** One look at all that runs. */
export type Look = {
  readings: ReadonlyMap<string, UsageReading>;
  /** Ran, and was not read: of those nothing is known, not even that they are new the next time. */
  unread: ReadonlySet<string>;
};

const KINDS: Readonly<Record<string, 'bot' | 'schedule'>> = { bot: 'bot', run: 'schedule' };

/** Whether what it uses is its owner's: of a bot or of a run of a schedule. */
export const isCounted = ({ state, labels }: ContainerView): boolean =>
  state === 'running' && KINDS[labels[LABEL.kind] ?? ''] !== undefined && labels[LABEL.id] !== undefined;

/** What each bot and schedule used between two looks. All containers of one have to be among these. */
export function samplesOf(containers: readonly ContainerView[], before: Look, now: Look): UsageSample[] {
  const beforeMs = lookedAt(before);
  const bySubject = new Map<string, { kind: 'bot' | 'schedule'; usages: Usage[] }>();
  for (const { id: containerId, labels } of containers) {
    const reading = now.readings.get(containerId);
    const kind = KINDS[labels[LABEL.kind] ?? ''];
    const id = labels[LABEL.id];
    if (reading === undefined || kind === undefined || id === undefined) continue;
    const usage = usageOf(before, containerId, reading, beforeMs);
    if (usage === undefined) continue;
    const subject = bySubject.get(id) ?? { kind, usages: [] };
    subject.usages.push(usage);
    bySubject.set(id, subject);
  }
  return [...bySubject].map(([id, { kind, usages }]) => ({ id, kind, ...rounded(together(usages)) }));
}

/** Everything together, under an empty id: the last sample of a round. */
export const totalOf = (samples: readonly UsageSample[]): UsageSample => ({
  id: '',
  kind: 'all',
  ...rounded(together(samples)),
});

function usageOf(
  before: Look,
  containerId: string,
  reading: UsageReading,
  beforeMs: number | undefined,
): Usage | undefined {
  const last = before.readings.get(containerId);
  const between = last && usageBetween(last, reading);
  if (between !== undefined || before.unread.has(containerId)) return between;
  // It was started since, or anew: all that it used, it used since.
  return beforeMs === undefined ? undefined : usageBetween(startedAfter(beforeMs), reading);
}

/** By the readings' own clock, which another machine may hold; undefined where nothing ran. */
const lookedAt = ({ readings }: Look): number | undefined =>
  readings.size === 0
    ? undefined
    : [...readings.values()].reduce((least, { atMs }) => Math.min(least, atMs), Infinity);

import { nominalsBetween, type Timing } from '../../model/cron/timing.ts';
import { runIdOf } from '../../model/runs.ts';
import type { Misfire, Overlap } from '../../model/schedules.ts';
import { decideTicks, type TickDecision, type TickInput } from '../../model/ticks.ts';

/** Short stories of a schedule whose ticks are decided, and what came of them in few words. */

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** Epoch milliseconds of a time of day in UTC. */
export const at = (time: string, day = '2026-11-24'): number => Date.parse(`${day}T${time}Z`);
export const runId = (nominalMs: number): string => runIdOf('s1', new Date(nominalMs));
export const idAt = (time: string): string => runId(at(time));

export const every = (stepMs: number): Pick<Timing, 'next' | 'previous'> => ({
  next: (afterMs) => (Math.floor(afterMs / stepMs) + 1) * stepMs,
  previous: (atMs) => Math.floor(atMs / stepMs) * stepMs,
});

export const SKIP: Misfire = { policy: 'skip', max: 0, windowMs: 24 * HOUR };
export const FIRE_ONCE: Misfire = { policy: 'fire-once', max: 1, windowMs: 24 * HOUR };
export const fireAll = (max: number, windowMs = 24 * HOUR): Misfire => ({
  policy: 'fire-all',
  max,
  windowMs,
});
export const FORBID: Overlap = { policy: 'forbid', max: 1 };
export const QUEUE_ONE: Overlap = { policy: 'queue-one', max: 1 };
export const REPLACE: Overlap = { policy: 'replace', max: 1 };
export const allow = (max: number): Overlap => ({ policy: 'allow', max });

/** What is not told is ordinary: a schedule each minute with the default policies and nothing in line. */
export type Story = Partial<TickInput> & {
  stepMs?: number;
  /** All nominal times in (since, now] are handed over. */
  since?: number;
  misfire?: Misfire;
  overlap?: Overlap;
  jitterMs?: number;
};

/** The decisions of a story. */
export function decide(story: Story): TickDecision[] {
  const { stepMs = MINUTE, since, misfire = FIRE_ONCE, overlap = FORBID, jitterMs = 0, ...rest } = story;
  const nowMs = story.nowMs ?? at('10:00:00');
  const timing = { ...every(stepMs), text: '', cron: '', zone: 'UTC' };
  return decideTicks({
    nominals: nominalsBetween(timing, since ?? nowMs, nowMs, Infinity),
    nowMs,
    policy: { misfire, overlap, jitterMs },
    timing,
    misfireAfterMs: 15 * SECOND,
    line: [],
    runId,
    jitter: () => 0,
    ...rest,
  });
}

/** `10:01 skipped`, `10:02 tick`, `10:03 caught up`, in order. */
export const brief = (decisions: readonly TickDecision[]): string[] =>
  decisions.map(
    (tick) => `${new Date(tick.nominalMs).toISOString().slice(11, 16)} ${tick.run ? tick.cause : 'skipped'}`,
  );
export const ran = (decisions: readonly TickDecision[]): string[] =>
  brief(decisions).filter((text) => !text.endsWith('skipped'));
export const reasons = (decisions: readonly TickDecision[]): string[] =>
  decisions.map(({ reason }) => reason);
export const cancels = (decisions: readonly TickDecision[]): string[][] =>
  decisions.map((tick) => (tick.run ? tick.cancels : []));

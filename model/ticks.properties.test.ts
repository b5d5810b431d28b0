import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nominalsBetween, type Timing } from './cron/timing.ts';
import { runIdOf } from './runs.ts';
import { MISFIRE_POLICIES, OVERLAP_POLICIES } from './schedules.ts';
import { decideTicks, jitterOf, type TickDecision, type TickInput } from './ticks.ts';

const SECOND = 1000;
const NOON = Date.parse('2026-11-24T12:00:00Z');

/** A calendar with gaps of all lengths. */
function timingOf(times: readonly number[]): Timing {
  return {
    text: '',
    cron: '',
    zone: 'UTC',
    next: (afterMs) => times.find((time) => time > afterMs),
    previous: (atMs) => times.findLast((time) => time <= atMs),
  };
}

type Story = Omit<TickInput, 'nominals' | 'runId' | 'jitter' | 'timing'> & { timing: Timing };

const story: fc.Arbitrary<Story> = fc
  .record({
    gaps: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 60 }),
    nowMs: fc.double({ min: NOON, max: NOON + 3_000 * SECOND, noNaN: true }),
    misfireAfterMs: fc.integer({ min: 0, max: 120 * SECOND }),
    misfire: fc.constantFrom(...MISFIRE_POLICIES),
    misfireMax: fc.integer({ min: 1, max: 20 }),
    windowMs: fc.integer({ min: SECOND, max: 3_000 * SECOND }),
    overlap: fc.constantFrom(...OVERLAP_POLICIES),
    overlapMax: fc.integer({ min: 1, max: 4 }),
    jitterMs: fc.integer({ min: 0, max: 5_000 }),
    inLine: fc.integer({ min: 0, max: 4 }),
  })
  .map((drawn) => {
    let at = NOON;
    const times = drawn.gaps.map((gap) => (at += gap * SECOND));
    const max = { skip: 0, 'fire-once': 1, 'fire-all': drawn.misfireMax }[drawn.misfire];
    return {
      timing: timingOf(times),
      nowMs: drawn.nowMs,
      misfireAfterMs: drawn.misfireAfterMs,
      policy: {
        misfire: { policy: drawn.misfire, max, windowMs: drawn.windowMs },
        overlap: { policy: drawn.overlap, max: drawn.overlap === 'allow' ? drawn.overlapMax : 1 },
        jitterMs: drawn.jitterMs,
      },
      line: Array.from({ length: drawn.inLine }, (_, index) => `s1@now-${index}`),
    };
  });

const runId = (nominalMs: number): string => runIdOf('s1', new Date(nominalMs));
const dueBy = ({ timing, nowMs }: Story): number[] => nominalsBetween(timing, NOON, nowMs, Infinity);
const decide = (input: Story, nominals: readonly number[], line = input.line): TickDecision[] =>
  decideTicks({ ...input, nominals, line, runId, jitter: jitterOf('s1') });

const holds = (property: (input: Story) => void): void =>
  fc.assert(fc.property(story, property), { numRuns: 1_000 });

describe('decideTicks, whatever the story', () => {
  it('decides each nominal time once, in order, and says why', () => {
    holds((input) => {
      const nominals = dueBy(input);
      const decisions = decide(input, nominals);
      expect(decisions.map(({ nominalMs }) => nominalMs)).toEqual(nominals);
      for (const tick of decisions)
        expect(tick.reason).toMatch(tick.run ? /^Queued: \S.*\S$/ : /^Skipped: \S.*\S$/);
    });
  });

  it('comes to the same in one go and in chunks with the line carried over', () => {
    fc.assert(
      fc.property(story, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (input, sizes) => {
        const nominals = dueBy(input);
        const inChunks: TickDecision[] = [];
        const line = [...input.line];
        for (let from = 0, turn = 0; from < nominals.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          const decisions = decide(input, nominals.slice(from, from + size), [...line]);
          for (const tick of decisions) if (tick.run) line.push(tick.runId);
          inChunks.push(...decisions);
          from += size;
        }
        expect(inChunks).toEqual(decide(input, nominals));
      }),
      { numRuns: 1_000 },
    );
  });

  it('runs of the missed ones the newest within the window, as many as the policy allows', () => {
    holds((input) => {
      const { misfire } = input.policy;
      const lateness = (nominalMs: number): number => input.nowMs - nominalMs;
      const missed = dueBy(input).filter((nominalMs) => lateness(nominalMs) > input.misfireAfterMs);
      const expected = missed
        .slice(Math.max(0, missed.length - misfire.max))
        .filter((nominalMs) => lateness(nominalMs) <= misfire.windowMs);
      const caughtUp = decide(input, dueBy(input)).filter((tick) => tick.run && tick.cause === 'caught up');
      expect(caughtUp.map(({ nominalMs }) => nominalMs)).toEqual(expected);
    });
  });

  it('starts on time no more than the overlap policy allows behind what is in line', () => {
    holds((input) => {
      const decisions = decide(input, dueBy(input)).filter((tick) => tick.run);
      const onTime = decisions.filter(({ cause }) => cause === 'tick');
      const before = input.line.length + decisions.length - onTime.length;
      const { policy, max } = input.policy.overlap;
      const places = { forbid: 1, 'queue-one': 2, allow: max, replace: Infinity }[policy];
      expect(onTime.length).toBeLessThanOrEqual(Math.max(0, places - before));
      // Of runs that replace one another, all but the last are cancelled.
      const cancelled = new Set(decisions.flatMap(({ cancels }) => cancels));
      if (policy !== 'replace') expect(cancelled.size).toBe(0);
      else expect(onTime.filter((tick) => !cancelled.has(tick.runId)).length).toBeLessThanOrEqual(1);
    });
  });

  it('skips no on-time tick that the overlap policy has room for', () => {
    holds((input) => {
      const line = [...input.line];
      const { policy, max } = input.policy.overlap;
      const places = { forbid: 1, 'queue-one': 2, allow: max, replace: Infinity }[policy];
      for (const tick of decide(input, dueBy(input))) {
        const onTime = input.nowMs - tick.nominalMs <= input.misfireAfterMs;
        if (onTime) expect(tick.run).toBe(line.length < places);
        if (tick.run) line.push(tick.runId);
      }
    });
  });

  it('never cancels a run that is not before it in line, and never itself', () => {
    holds((input) => {
      const line = new Set(input.line);
      for (const tick of decide(input, dueBy(input))) {
        if (!tick.run) continue;
        expect(tick.cancels.filter((id) => !line.has(id))).toEqual([]);
        line.add(tick.runId);
      }
    });
  });

  it('makes a run due at its nominal time or less than the jitter after it', () => {
    holds((input) => {
      for (const tick of decide(input, dueBy(input))) {
        if (!tick.run) continue;
        const delayMs = tick.dueMs - tick.nominalMs;
        expect(delayMs === 0 || (delayMs > 0 && delayMs < input.policy.jitterMs)).toBe(true);
      }
    });
  });
});

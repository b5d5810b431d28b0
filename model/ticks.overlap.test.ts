import { describe, expect, it } from 'vitest';
import type { Overlap } from './schedules.ts';
import { jitterOf, type TickDecision } from './ticks.ts';
import {
  SECOND,
  MINUTE,
  at,
  runId,
  idAt,
  FORBID,
  QUEUE_ONE,
  REPLACE,
  allow,
  decide,
  ran,
  reasons,
  cancels,
} from '../test/support/tick-story.ts';

describe('an overlap policy', () => {
  const LINE = [idAt('09:57:00'), idAt('09:58:00'), idAt('09:59:00')];
  const tick = (overlap: Overlap, inLine: number): TickDecision => {
    const [decision] = decide({ nominals: [at('10:00:00')], overlap, line: LINE.slice(0, inLine) });
    if (decision === undefined) throw new Error('no decision');
    return decision;
  };

  it.each([
    [FORBID, [true, false, false, false]],
    [QUEUE_ONE, [true, true, false, false]],
    [REPLACE, [true, true, true, true]],
    [allow(1), [true, false, false, false]],
    [allow(2), [true, true, false, false]],
    [allow(3), [true, true, true, false]],
    [allow(4), [true, true, true, true]],
  ])('%j, behind 0 to 3 runs', (overlap, expected) => {
    expect([0, 1, 2, 3].map((inLine) => tick(overlap, inLine).run)).toEqual(expected);
  });

  it('says whom it met', () => {
    expect([
      tick(FORBID, 1).reason,
      tick(QUEUE_ONE, 1).reason,
      tick(QUEUE_ONE, 2).reason,
      tick(REPLACE, 1).reason,
      tick(REPLACE, 3).reason,
      tick(allow(1), 1).reason,
      tick(allow(2), 1).reason,
      tick(allow(2), 2).reason,
    ]).toEqual([
      'Skipped: the run of 09:57 UTC is not over (overlap forbid)',
      'Queued: it waits for the run of 09:57 UTC to end (overlap queue-one)',
      'Skipped: the run of 09:57 UTC is not over, and the run of 09:58 UTC waits for it (overlap queue-one)',
      'Queued: it replaces the run of 09:57 UTC (overlap replace)',
      'Queued: it replaces 3 runs, the oldest of them the run of 09:57 UTC (overlap replace)',
      'Skipped: the run of 09:57 UTC is not over (overlap allow)',
      'Queued: it is its turn',
      'Skipped: 2 runs are not over, and 2 may go at once (overlap allow)',
    ]);
    const byHand = decide({ nominals: [at('10:00:00')], line: ['s1@now-abc'] });
    expect(reasons(byHand)).toEqual([
      'Skipped: a run that was asked for by hand is not over (overlap forbid)',
    ]);
  });

  it('replaces all that are not over, and nothing else cancels', () => {
    for (const inLine of [0, 1, 2, 3]) {
      expect(cancels([tick(REPLACE, inLine)])).toEqual([LINE.slice(0, inLine)]);
      for (const overlap of [FORBID, QUEUE_ONE, allow(9)])
        expect(cancels([tick(overlap, inLine)])).toEqual([[]]);
    }
  });

  it('sees what the ticks before have put into the line', () => {
    const nominals = [0, 1, 2, 3].map((index) => at('10:00:00') + index * SECOND);
    const story = { nominals, nowMs: at('10:00:04') };
    const runs = (overlap: Overlap, line: string[] = []) =>
      decide({ ...story, overlap, line }).map((decision) => decision.run);
    expect(runs(FORBID)).toEqual([true, false, false, false]);
    expect(runs(QUEUE_ONE)).toEqual([true, true, false, false]);
    expect(runs(QUEUE_ONE, LINE.slice(0, 1))).toEqual([true, false, false, false]);
    expect(runs(allow(3), LINE.slice(0, 1))).toEqual([true, true, false, false]);
    const ids = nominals.map(runId);
    expect(cancels(decide({ ...story, overlap: REPLACE }))).toEqual([
      [],
      ids.slice(0, 1),
      ids.slice(0, 2),
      ids.slice(0, 3),
    ]);
  });

  it('lets an on-time tick meet the run that was caught up just before', () => {
    const story = { since: at('10:00:00'), nowMs: at('10:05:05') };
    expect(ran(decide({ ...story, overlap: FORBID }))).toEqual(['10:04 caught up']);
    expect(ran(decide({ ...story, overlap: QUEUE_ONE }))).toEqual(['10:04 caught up', '10:05 tick']);
    expect(cancels(decide({ ...story, overlap: REPLACE })).at(-1)).toEqual([idAt('10:04:00')]);
  });

  it('is not in its own way when it is handled again after a crash', () => {
    for (const overlap of [FORBID, QUEUE_ONE, REPLACE, allow(1)]) {
      const line = [idAt('10:00:00'), idAt('10:01:00')];
      const [again] = decide({ nominals: [at('10:00:00')], overlap, line });
      expect(again, overlap.policy).toMatchObject({ run: true, cause: 'tick', cancels: [] });
    }
  });
});

describe('jitter', () => {
  it('delays what is due, never the nominal time, and never by the whole of it', () => {
    const due = (fraction: number) =>
      decide({
        nominals: [at('10:00:00')],
        jitterMs: 30 * SECOND,
        jitter: () => fraction,
      }).map((tick) => [tick.nominalMs, tick.run && tick.dueMs - tick.nominalMs]);
    expect(due(0)).toEqual([[at('10:00:00'), 0]]);
    expect(due(0.5)).toEqual([[at('10:00:00'), 15_000]]);
    expect(due(1 - 2 ** -32)).toEqual([[at('10:00:00'), 29_999]]);
  });

  it('is the same each time, differs between schedules and ticks, and is spread evenly', () => {
    const times = Array.from({ length: 2_000 }, (_, index) => at('10:00:00') + index * MINUTE);
    const values = times.map(jitterOf('s1'));
    expect(times.map(jitterOf('s1'))).toEqual(values);
    expect(new Set([...values, ...times.map(jitterOf('s2'))]).size).toBe(4_000);
    const tenths = Map.groupBy(values, (value) => Math.floor(value * 10));
    expect([...tenths.keys()].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [tenth, members] of tenths) expect(members.length, `tenth ${tenth}`).toBeGreaterThan(130);
  });
});

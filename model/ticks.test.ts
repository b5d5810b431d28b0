import { describe, expect, it } from 'vitest';
import {
  SECOND,
  MINUTE,
  at,
  idAt,
  every,
  SKIP,
  FIRE_ONCE,
  fireAll,
  FORBID,
  QUEUE_ONE,
  REPLACE,
  allow,
  decide,
  brief,
  ran,
  reasons,
  cancels,
} from '../test/support/tick-story.ts';

describe('decideTicks', () => {
  it('decides nothing where nothing is due, as after a clock that was set back', () => {
    expect(decide({ nominals: [] })).toEqual([]);
    expect(decide({ since: at('11:00:00'), nowMs: at('10:00:00') })).toEqual([]);
  });

  it('runs a tick that is on time', () => {
    expect(decide({ since: at('10:00:00'), nowMs: at('10:01:00') + 7 })).toEqual([
      {
        nominalMs: at('10:01:00'),
        run: true,
        runId: 's1@20261124T100100Z',
        cause: 'tick',
        reason: 'Queued: it is its turn',
        dueMs: at('10:01:00'),
        cancels: [],
      },
    ]);
  });

  it('takes a tick for missed only once it is later than the limit, to the fraction of a millisecond', () => {
    const handled = (lateMs: number) =>
      brief(decide({ nominals: [at('10:01:00')], nowMs: at('10:01:00') + lateMs, misfire: SKIP }));
    expect(handled(15_000)).toEqual(['10:01 tick']);
    expect(handled(15_000.25)).toEqual(['10:01 skipped']);
    expect(handled(15_001)).toEqual(['10:01 skipped']);
    // A nominal time ahead of the clock was not missed either.
    expect(handled(-2_000)).toEqual(['10:01 tick']);
  });
});

describe('a misfire policy', () => {
  /** Down since 10:00; back at 10:05:05, when 10:05 is on time. */
  const back = { since: at('10:00:00'), nowMs: at('10:05:05') };

  it.each([
    ['skip', SKIP, []],
    ['fire-once', FIRE_ONCE, ['10:04 caught up']],
    ['fire-all of one', fireAll(1), ['10:04 caught up']],
    ['fire-all of two', fireAll(2), ['10:03 caught up', '10:04 caught up']],
    ['fire-all of all', fireAll(4), ['10:01', '10:02', '10:03', '10:04'].map((time) => `${time} caught up`)],
    ['fire-all of more', fireAll(9), ['10:01', '10:02', '10:03', '10:04'].map((time) => `${time} caught up`)],
  ])('%s', (_name, misfire, caughtUp) => {
    const decisions = decide({ ...back, misfire, overlap: allow(100) });
    expect(ran(decisions)).toEqual([...caughtUp, '10:05 tick']);
    expect(decisions).toHaveLength(5);
  });

  it.each([
    ['as old as it', at('10:05:05') - at('10:04:00'), ['10:04 caught up']],
    ['a millisecond older', at('10:05:05') - at('10:04:00') - 1, []],
  ])('runs what is as old as the window, and none that is older: %s', (_name, windowMs, caughtUp) => {
    for (const misfire of [{ ...FIRE_ONCE, windowMs }, fireAll(9, windowMs)])
      expect(ran(decide({ ...back, misfire, overlap: allow(100) }))).toEqual([...caughtUp, '10:05 tick']);
  });

  it('says why each missed one is skipped', () => {
    expect(reasons(decide({ ...back, misfire: SKIP })).slice(0, 2)).toEqual([
      'Skipped: missed by 4 min 5 s while nobody handled ticks (misfire skip)',
      'Skipped: missed by 3 min 5 s while nobody handled ticks (misfire skip)',
    ]);
    expect(reasons(decide(back)).slice(2, 4)).toEqual([
      'Skipped: missed by 2 min 5 s and coalesced into the run of 10:04 UTC (misfire fire-once)',
      'Queued: missed by 1 min 5 s, caught up (misfire fire-once)',
    ]);
    expect(reasons(decide({ ...back, misfire: fireAll(2, 2 * MINUTE + 30 * SECOND) })).slice(0, 4)).toEqual([
      'Skipped: missed by 4 min 5 s, older than the window of 2 min 30 s (misfire fire-all)',
      'Skipped: missed by 3 min 5 s, older than the window of 2 min 30 s (misfire fire-all)',
      'Queued: missed by 2 min 5 s, caught up (misfire fire-all)',
      'Queued: missed by 1 min 5 s, caught up (misfire fire-all)',
    ]);
    expect(reasons(decide({ ...back, misfire: fireAll(1) }))[0]).toBe(
      'Skipped: missed by 4 min 5 s, and only the newest 1 missed tick runs (misfire fire-all)',
    );
    expect(reasons(decide({ ...back, misfire: { ...FIRE_ONCE, windowMs: SECOND } }))[3]).toBe(
      'Skipped: missed by 1 min 5 s, older than the window of 1 s (misfire fire-once)',
    );
  });

  it('names a day where it is another, and seconds where there are any', () => {
    const [tick] = decide({
      stepMs: 3 * SECOND,
      since: at('23:59:50', '2026-11-23'),
      nowMs: at('00:00:20'),
    });
    expect(tick?.reason).toContain('the run of 2026-11-24 00:00:03 UTC');
  });

  it('lets what it picks wait in line, whatever runs and whatever the overlap policy', () => {
    for (const overlap of [FORBID, QUEUE_ONE, REPLACE, allow(1)]) {
      const decisions = decide({
        nominals: [at('09:01:00'), at('09:02:00')],
        nowMs: at('10:00:00'),
        misfire: fireAll(60),
        overlap,
        line: [idAt('08:58:00'), idAt('08:59:00')],
      });
      expect(ran(decisions), overlap.policy).toEqual(['09:01 caught up', '09:02 caught up']);
      expect(cancels(decisions), overlap.policy).toEqual([[], []]);
    }
  });

  it('looks beyond the nominal times at hand for the newest missed one', () => {
    const chunk = { nominals: [at('10:01:00'), at('10:02:00')], nowMs: at('10:05:05') };
    expect(reasons(decide(chunk))).toEqual([
      'Skipped: missed by 4 min 5 s and coalesced into the run of 10:04 UTC (misfire fire-once)',
      'Skipped: missed by 3 min 5 s and coalesced into the run of 10:04 UTC (misfire fire-once)',
    ]);
    expect(brief(decide({ ...chunk, misfire: fireAll(3) }))).toEqual(['10:01 skipped', '10:02 caught up']);
    expect(ran(decide({ ...chunk, misfire: fireAll(2) }))).toEqual([]);
  });

  it('makes one run of ten minutes of missed seconds, and does not ask the calendar for each', () => {
    let asked = 0;
    const timing = every(SECOND);
    const counting = {
      next: (ms: number) => ((asked += 1), timing.next(ms)),
      previous: (ms: number) => ((asked += 1), timing.previous(ms)),
    };
    const nominals = Array.from({ length: 600 }, (_, index) => at('10:00:01') + index * SECOND);
    const decisions = decide({ nominals, nowMs: at('10:10:00') + 400, timing: counting, stepMs: SECOND });
    const runs = decisions.filter((tick) => tick.run);
    expect(decisions).toHaveLength(600);
    // The last 15 s are on time; the run that was caught up is not over, so that `forbid` skips them.
    expect(runs.map(({ runId: id }) => id)).toEqual(['s1@20261124T100945Z']);
    expect(decisions.at(-1)?.reason).toBe('Skipped: the run of 10:09:45 UTC is not over (overlap forbid)');
    expect(asked).toBeLessThan(5);
  });
});

describe('a misfire policy beside an overlap policy, after five minutes with nobody there', () => {
  /** Ticks of 10:01 to 10:04 were missed, those of 10:05 and 10:05:10 are on time. */
  const nominals = ['10:01:00', '10:02:00', '10:03:00', '10:04:00', '10:05:00', '10:05:10'].map((time) =>
    at(time),
  );
  const back = { nominals, nowMs: at('10:05:12') };

  it.each([
    // A letter for each tick: caught up, tick, or a dot for a skipped one; then the same behind a run that still goes.
    [SKIP, FORBID, '....t.', '......'],
    [SKIP, QUEUE_ONE, '....tt', '....t.'],
    [SKIP, REPLACE, '....tt', '....tt'],
    [SKIP, allow(3), '....tt', '....tt'],
    [FIRE_ONCE, FORBID, '...c..', '...c..'],
    [FIRE_ONCE, QUEUE_ONE, '...ct.', '...c..'],
    [FIRE_ONCE, REPLACE, '...ctt', '...ctt'],
    [FIRE_ONCE, allow(3), '...ctt', '...ct.'],
    [fireAll(2), FORBID, '..cc..', '..cc..'],
    [fireAll(2), QUEUE_ONE, '..cc..', '..cc..'],
    [fireAll(2), REPLACE, '..cctt', '..cctt'],
    [fireAll(2), allow(3), '..cct.', '..cc..'],
    [fireAll(100), FORBID, 'cccc..', 'cccc..'],
    [fireAll(100), QUEUE_ONE, 'cccc..', 'cccc..'],
    [fireAll(100), REPLACE, 'cccctt', 'cccctt'],
    [fireAll(100), allow(5), 'cccct.', 'cccc..'],
  ])('%j beside %j', (misfire, overlap, alone, behindOne) => {
    const letters = (line: string[]): string =>
      decide({ ...back, misfire, overlap, line })
        .map((tick) => (tick.run ? tick.cause.charAt(0) : '.'))
        .join('');
    expect(letters([])).toBe(alone);
    expect(letters([idAt('10:00:00')])).toBe(behindOne);
  });
});

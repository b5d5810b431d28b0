import { describe, expect, it } from 'vitest';
import { RunState } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import {
  apart,
  askAgainInMs,
  bucketsOf,
  isBeyond,
  knownOf,
  placesBefore,
  sameTicks,
  scaleFor,
  spanBeside,
  spanOf,
  type Tick,
} from './calendar.ts';

// By the clocks of whoever runs this, as in a browser.
const at = (day: number, hour = 0, minute = 0, second = 0): number =>
  +new Date(2026, 10, day, hour, minute, second);
const ran = (atMs: number, kind = 'tick'): Tick => ({
  atMs,
  run: { id: `run ${atMs}`, state: RunState.SUCCEEDED, reason: '', kind },
});

describe('how much is shown at once', () => {
  it.each([
    [undefined, 'month'],
    [86_400_000, 'month'],
    [3_600_000, 'month'],
    [900_000, 'day'],
    [60_000, 'day'],
    [1_000, 'hour'],
  ])('ticks %s ms apart: a %s', (ms, scale) => expect(scaleFor(ms)).toBe(scale));

  it('goes by the shortest distance', () => {
    expect(apart([at(1), at(3), at(1, 6)])).toBe(6 * 3_600_000);
    expect(apart([at(1)])).toBeUndefined();
  });
});

describe('spans', () => {
  it('hold the moment', () => {
    expect(spanOf('month', at(29, 9))).toEqual({ fromMs: at(1), toMs: +new Date(2026, 11, 1) });
    expect(spanOf('day', at(29, 9))).toEqual({ fromMs: at(29), toMs: at(30) });
    expect(spanOf('hour', at(29, 9, 12, 13))).toEqual({ fromMs: at(29, 9), toMs: at(29, 10) });
  });
  it('follow each other', () => {
    const month = spanOf('month', at(29));
    expect(spanBeside('month', month, -1)).toEqual({ fromMs: +new Date(2026, 9, 1), toMs: at(1) });
    expect(spanBeside('month', spanBeside('month', month, 1), -1)).toEqual(month);
  });
  it('begin on Mondays', () => expect(placesBefore(spanOf('month', at(1)))).toBe(6));
});

describe('a calendar', () => {
  it('has a place for each day, hour and minute', () => {
    expect(bucketsOf('month', spanOf('month', at(1)), [])).toHaveLength(30);
    expect(bucketsOf('hour', spanOf('hour', at(1)), [])).toHaveLength(60);
    const hours = bucketsOf('day', spanOf('day', at(1)), []).length;
    expect(hours).toBeGreaterThanOrEqual(23);
    expect(hours).toBeLessThanOrEqual(25);
  });

  it('has each tick where it belongs, in order, and none twice', () => {
    const ticks = [ran(at(2, 9)), ran(at(2, 3)), { atMs: at(2, 9) }, { atMs: at(2, 15) }, ran(at(40))];
    const days = bucketsOf('month', spanOf('month', at(1)), ticks);
    expect(days[1]?.ticks.map(({ atMs, run }) => [atMs, run !== undefined])).toEqual([
      [at(2, 3), true],
      [at(2, 9), true],
      [at(2, 15), false],
    ]);
    expect(days.flatMap(({ ticks: some }) => some)).toHaveLength(3);
  });

  it('has a run by hand beside the tick of the same moment', () =>
    expect(
      bucketsOf('hour', spanOf('hour', at(1)), [ran(at(1), 'manual'), { atMs: at(1) }])[0]?.ticks,
    ).toHaveLength(2));

  it('has all of a schedule of each second', () => {
    const seconds = Array.from({ length: 3_600 }, (_, second) => ran(at(1) + second * 1_000));
    const minutes = bucketsOf('hour', spanOf('hour', at(1)), seconds);
    expect(minutes.every(({ ticks }) => ticks.length === 60)).toBe(true);
  });
});

describe('what is blank', () => {
  const minutes = Array.from({ length: 1_000 }, (_, minute) => at(1) + minute * 60_000);
  const hours = bucketsOf('day', spanOf('day', at(1)), []);

  it('means that nothing comes only up to the last tick that is known', () => {
    const known = knownOf([], false, { timesMs: minutes, isAll: false });
    // 1,000 minutes: up to 16:39.
    expect(hours.map((hour) => isBeyond(hour, known)).lastIndexOf(false)).toBe(16);
    expect(hours.filter((hour) => isBeyond(hour, known))).toHaveLength(7);
  });

  it('means that nothing came only from the oldest record that is held', () => {
    const held = [ran(at(1, 9)), ran(at(1, 8, 30)), ran(at(1, 20))];
    const known = knownOf(held, true, { timesMs: [], isAll: true });
    expect(hours.map((hour) => isBeyond(hour, known)).indexOf(false)).toBe(8);
  });

  it('is nothing where all is known, or nothing can be', () => {
    for (const ahead of [
      { timesMs: [at(1, 1)], isAll: true },
      { timesMs: [], isAll: false },
    ])
      expect(hours.some((hour) => isBeyond(hour, knownOf([ran(at(1, 9))], false, ahead)))).toBe(false);
  });
});

describe('what will come', () => {
  const timesMs = Array.from({ length: 100 }, (_, second) => at(1) + second * 1_000);
  const ahead = { timesMs, isAll: false };
  it('is asked for again once half of it is over', () => expect(askAgainInMs(ahead, at(1))).toBe(50_000));
  it('is not asked for all the time where all of it is over', () =>
    expect(askAgainInMs(ahead, at(2))).toBe(10_000));
  it('is asked for again within what a timer can wait', () =>
    expect(askAgainInMs({ timesMs: [at(1, 0), at(400)], isAll: false }, at(1))).toBe(86_400_000));
  it('is not asked for again where that was all', () => {
    expect(askAgainInMs({ timesMs, isAll: true }, at(1))).toBeUndefined();
    expect(askAgainInMs({ timesMs: [], isAll: false }, at(1))).toBeUndefined();
  });
});

it('a minute of which no tick changed is the same', () => {
  const one = ran(at(1));
  expect(sameTicks([one, { atMs: at(2) }], [{ ...one }, { atMs: at(2) }])).toBe(true);
  expect(sameTicks([one], [ran(at(1))])).toBe(false);
  expect(sameTicks([one], [one, { atMs: at(2) }])).toBe(false);
  expect(sameTicks([one], [{ atMs: at(1) }])).toBe(false);
});

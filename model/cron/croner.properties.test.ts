import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryCron, offsetOf, zoneAndInstant } from '../../test/support/arbitrary-cron.ts';
import { parseTiming } from './parse.ts';
import { nominalsBetween } from './timing.ts';

/** By how much clocks are put forward or back between 2020 and 2030. */
const LEAPS_MS = [30, 60, 120].map((minutes) => minutes * 60_000);

type Found = { cron: string; zone: string; ours: ReadonlySet<number>; from: number; inUtc: Cron };

/**
 * Croner has two kinds of crons as well, but draws the line elsewhere: a time that comes twice or not at all is special to it
 * only in crons of one second, one minute and one hour; to us, in crons that do not name every hour. Hence these, and they
 * must be all there are.
 */
const DIFFERENCES: Record<string, (at: number, found: Found) => boolean> = {
  /** A wall time that the clocks leapt over comes later by the leap: croner drops it or takes the end of the leap. */
  'ours: moved by the leap': (at, { cron, zone, inUtc }) =>
    !namesEveryHour(cron) &&
    LEAPS_MS.some((leap) => leaptOver(zone, at, leap) && names(inUtc, wall(zone, at) - leap)),
  /** Croner goes through a repeated hour twice; the first pass is ours too. */
  'theirs: a second pass': (at, { cron, zone, ours, from }) =>
    !namesEveryHour(cron) &&
    LEAPS_MS.some((leap) => repeats(zone, at, leap) && (ours.has(at - leap) || at - leap <= from)),
  /** What we move by the leap, croner moves to its end. */
  'theirs: moved to the end of the leap': (at, { cron, zone, inUtc }) =>
    isSingleTime(cron) &&
    LEAPS_MS.some(
      (leap) =>
        leaptOver(zone, at, leap) &&
        !leaptOver(zone, at - 1000, leap) &&
        (inUtc.nextRun(new Date(wall(zone, at) - leap - 1000))?.getTime() ?? NaN) < wall(zone, at),
    ),
};

/** Clocks were put forward by the leap, no longer ago than it is long. */
const leaptOver = (zone: string, at: number, leap: number): boolean =>
  offsetOf(zone, at) - offsetOf(zone, at - leap) === leap;

/** Clocks were put back by that, no longer ago than it is long. */
const repeats = (zone: string, at: number, leap: number): boolean =>
  offsetOf(zone, at - leap) - offsetOf(zone, at) === leap;

const wall = (zone: string, at: number): number => at + offsetOf(zone, at);

/** Whether the cron, by croner's reading, names that wall time. */
const names = (inUtc: Cron, wallTime: number): boolean =>
  inUtc.nextRun(new Date(wallTime - 1000))?.getTime() === wallTime;

const hourField = (cron: string): string => cron.split(' ').at(-4) ?? '';

const namesEveryHour = (cron: string): boolean => ['*', '0-23'].includes(hourField(cron));

const isSingleTime = (cron: string): boolean =>
  cron
    .split(' ')
    .slice(0, -3)
    .every((field) => /^(\d+)(?:-\1)?$/.test(field));

const TIMES = 20;

describe('against croner, 2020 to 2030', () => {
  it('differs in nothing but what is named', { timeout: 60_000 }, () => {
    const seen = new Set<string>();
    const explain = (side: 'ours' | 'theirs', at: number, found: Found): void => {
      const why = Object.keys(DIFFERENCES).find(
        (name) => name.startsWith(side) && DIFFERENCES[name]?.(at, found),
      );
      expect(why, `${side} alone: ${new Date(at).toISOString()}`).toBeDefined();
      seen.add(why ?? '');
    };
    fc.assert(
      fc.property(arbitraryCron, zoneAndInstant, (cron, { zone, at: from }) => {
        const outcome = parseTiming(cron, zone);
        fc.pre(outcome.ok);
        const job = new Cron(cron, { timezone: zone, paused: true });
        const theirs = new Set(job.nextRuns(TIMES, new Date(from)).map((date) => date.getTime()));
        const ours = new Set(nominalsBetween(outcome.timing, from, Math.max(...theirs), Infinity));
        const found = { cron, zone, ours, from, inUtc: new Cron(cron, { timezone: 'UTC', paused: true }) };
        for (const at of ours) if (!theirs.has(at)) explain('ours', at, found);
        for (const at of theirs) if (!ours.has(at)) explain('theirs', at, found);
      }),
      {
        numRuns: 400,
        examples: [
          ['30 2 * * *', { zone: 'Europe/Berlin', at: Date.UTC(2024, 2, 30, 12) }],
          ['*/15 1-3 * * *', { zone: 'Europe/Berlin', at: Date.UTC(2024, 9, 26, 12) }],
        ],
      },
    );
    expect([...seen].sort()).toEqual(Object.keys(DIFFERENCES).sort());
  });
});

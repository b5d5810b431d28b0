import { describe, expect, it } from 'vitest';
import { parseTiming } from '../../model/cron/parse.ts';
import type { Timing } from '../../model/cron/timing.ts';
import { RUN_STATES, type Run, type RunState } from '../../model/runs.ts';
import { causeOf, checkAsker, checkReason, checkRequestId } from './arguments.ts';
import { decideBackfill, lastAttemptOf, MAX_BACKFILL, nominalsOfSpan, type Known } from './backfill-plan.ts';
import { InvalidRequest, TooMuch } from './errors.ts';
import { checkOverride } from './override.ts';
import { preview } from './preview.ts';
import { zoneTime } from './zone-time.ts';

const timing = (cron: string, zone = 'UTC'): Timing => {
  const outcome = parseTiming(cron, zone);
  if (!outcome.ok) throw new Error(outcome.problem);
  return outcome.timing;
};
const at = (text: string): Date => new Date(text);
const now = Date.parse('2026-11-24T12:00:00Z');

describe('a preview', () => {
  it('shows each time on the zone’s clocks and in UTC, over a change of them', () => {
    const found = preview(timing('30 2 * * *', 'Europe/Berlin'), {
      count: 3,
      fromMs: Date.parse('2026-10-23T12:00:00Z'),
    });
    expect(found).toMatchObject({ cron: '30 2 * * *', zone: 'Europe/Berlin', exhausted: false });
    expect(found.times.map(({ utc }) => utc)).toEqual([
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(found.times.map((time) => time.zoneTime)).toEqual([
      'Sat 2026-10-24 02:30:00 +02:00',
      'Sun 2026-10-25 02:30:00 +02:00',
      'Mon 2026-10-26 02:30:00 +01:00',
    ]);
  });

  it('says where the calendar ends', () => {
    const never = { text: '', cron: 'x', zone: 'UTC', next: () => undefined, previous: () => undefined };
    expect(preview(never, { count: 2, fromMs: now })).toMatchObject({ times: [], exhausted: true });
  });

  it.each([0, 1_001, 1.5])('of %d times is refused', (count) => {
    expect(() => preview(timing('* * * * *'), { count, fromMs: now })).toThrow(InvalidRequest);
  });
});

it.each([
  ['2026-11-24T09:30:00Z', 'UTC', 'Tue 2026-11-24 09:30:00 +00:00'],
  ['2026-11-24T09:30:00Z', 'Asia/Kolkata', 'Tue 2026-11-24 15:00:00 +05:30'],
  ['2026-11-24T23:00:00Z', 'Asia/Tokyo', 'Wed 2026-11-25 08:00:00 +09:00'],
  ['2026-11-24T05:00:00Z', 'America/New_York', 'Tue 2026-11-24 00:00:00 -05:00'],
])('shows %s in %s', (utc, zone, text) => {
  expect(zoneTime(Date.parse(utc), zone)).toBe(text);
});

describe('the span of a backfill', () => {
  const hourly = timing('0 * * * *');

  it('has both its ends', () => {
    const span = { from: at('2026-11-24T08:00:00Z'), to: at('2026-11-24T10:00:00Z') };
    expect(nominalsOfSpan(hourly, span, now).map((time) => time.toISOString())).toEqual([
      '2026-11-24T08:00:00.000Z',
      '2026-11-24T09:00:00.000Z',
      '2026-11-24T10:00:00.000Z',
    ]);
  });

  it.each([
    ['2026-11-24T10:00:00Z', '2026-11-24T09:00:00Z', InvalidRequest, /ends before it begins/],
    ['2026-11-24T10:00:00Z', '2026-11-24T12:00:01Z', InvalidRequest, /in the future/],
    ['2020-01-01T00:00:00Z', '2026-11-24T09:00:00Z', TooMuch, /take at most 366 at once/],
    ['what', '2026-11-24T09:00:00Z', InvalidRequest, /no time/],
  ])('from %s to %s is refused, with its cure', (from, to, kind, message) => {
    const span = (): unknown => nominalsOfSpan(hourly, { from: at(from), to: at(to) }, now);
    expect(span).toThrow(kind);
    expect(span).toThrow(message);
  });

  it('with too many times is refused, and told where to cut', () => {
    const span = { from: at('2026-11-24T08:00:00Z'), to: at('2026-11-24T12:00:00Z') };
    expect(() => nominalsOfSpan(timing('* * * * * *'), span, now)).toThrow(
      `more than ${MAX_BACKFILL} nominal times: end it at 2026-11-24T08:16:39.000Z`,
    );
  });
});

describe('what a backfill does about a nominal time', () => {
  const nominal = at('2026-11-24T08:00:00Z');
  const decide = (state: RunState | undefined, known: Partial<Known> = {}) =>
    decideBackfill(
      's',
      [nominal],
      state === undefined ? [] : [{ _id: 's@20261124T080000Z', state, reason: 'so it is' }],
      { now: new Date(now), ...known },
    )[0];

  it('with no record is a new one', () => {
    expect(decide(undefined)).toMatchObject({ action: 'new', runId: 's@20261124T080000Z' });
    expect(decide(undefined, { handledThrough: nominal })).toMatchObject({ action: 'new' });
  });

  it('whose own tick is not handled yet is nothing', () => {
    const handledThrough = new Date(nominal.getTime() - 1);
    expect(decide(undefined, { handledThrough })).toMatchObject({ action: 'left' });
  });

  it('that is still to come is nothing, even where the schedule does not tick', () => {
    expect(decide(undefined, { now: new Date(nominal.getTime() - 1) })).toMatchObject({
      action: 'left',
      why: 'it is still to come',
    });
    expect(decide(undefined, { now: nominal })).toMatchObject({ action: 'new' });
  });

  it('with no record where records were deleted is nothing: it may have run', () => {
    const recordsFrom = new Date(nominal.getTime() + 1);
    expect(decide(undefined, { recordsFrom })).toMatchObject({
      action: 'left',
      why: 'its record was deleted by retention; whether it ran is not known',
    });
    expect(decide(undefined, { recordsFrom: nominal })).toMatchObject({ action: 'new' });
    expect(decide('failed', { recordsFrom })).toMatchObject({ action: 'again' });
  });

  it('is another attempt only where nothing came of it', () => {
    const again = RUN_STATES.filter((state) => decide(state)?.action === 'again');
    expect(again).toEqual(['failed', 'timed-out', 'cancelled', 'skipped']);
    expect(decide('succeeded')).toMatchObject({ action: 'left', why: 'it succeeded' });
    expect(decide('skipped')).toMatchObject({ state: 'skipped', why: 'so it is' });
  });
});

describe('the attempt that a record tells of', () => {
  const ended: Run = {
    _id: 's@1',
    scheduleId: 's',
    kind: 'tick',
    nominal: at('2026-11-24T08:00:00Z'),
    due: at('2026-11-24T08:00:00Z'),
    state: 'failed',
    reason: 'It exited with 3.',
    cause: 'tick',
    createdAt: at('2026-11-24T08:00:00Z'),
    updatedAt: at('2026-11-24T08:00:09Z'),
    endedAt: at('2026-11-24T08:00:08Z'),
    attempt: 2,
    exitCode: 3,
    attempts: [],
  };

  it('is kept', () => {
    expect(lastAttemptOf(ended)).toEqual({
      attempt: 2,
      outcome: 'failed',
      reason: 'It exited with 3.',
      endedAt: ended.endedAt,
      exitCode: 3,
    });
  });

  it('is none where none was made, or it is there already', () => {
    expect(lastAttemptOf({ ...ended, state: 'skipped', attempt: 0 })).toBeUndefined();
    const kept = { attempt: 2, outcome: 'failed' as const, reason: '', endedAt: ended.updatedAt };
    expect(lastAttemptOf({ ...ended, attempts: [kept] })).toBeUndefined();
  });
});

describe('arguments', () => {
  it('make a cause', () => {
    expect(causeOf('run now', { who: 'ann@desk', why: 'month end' })).toBe('run now by ann@desk: month end');
    expect(causeOf('run now', { who: 'ann@desk', why: '' })).toBe('run now by ann@desk');
  });

  it('are trimmed, and refused with field and cure', () => {
    expect(checkAsker({ who: ' ann ', why: ' x ' })).toEqual({ who: 'ann', why: 'x' });
    expect(() => checkAsker({ who: '', why: '' })).toThrow(/say who/);
    expect(() => checkReason({ who: 'ann', why: ' ' })).toThrow(/say why/);
    expect(() => checkAsker({ who: 'ann', why: 'x'.repeat(401) })).toThrow(/401 characters/);
  });

  it.each(['a b', '', '-x', 'a..b', 'x'.repeat(65), 'a@b'])('refuse the request id %j', (id) => {
    expect(() => checkRequestId(id)).toThrow(InvalidRequest);
  });

  it('refuse an override that could have no effect, or could not be kept', () => {
    expect(checkOverride({ targets: { BTC: 1 }, timeout: '5s' })).toEqual({
      targets: { BTC: 1 },
      timeout: '5s',
    });
    expect(() => checkOverride({ schedule: '* * * * *', type: 'x' })).toThrow(/holds schedule, type, which/);
    expect(() => checkOverride({ 'a\0b': 1 })).toThrow(/NUL/);
    expect(() => checkOverride({ text: 'x'.repeat(70_000) })).toThrow(/70011 bytes/);
  });
});

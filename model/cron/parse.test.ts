import { describe, expect, it } from 'vitest';
import { minGapMs, parseTiming, timingOf } from './parse.ts';
import { nominalsBetween } from './timing.ts';

const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString().replace(/:00\.000Z$/, 'Z');

const nexts = (cron: string, from: string, count: number, zone = 'UTC'): (string | undefined)[] => {
  const outcome = parseTiming(cron, zone);
  if (!outcome.ok) throw new Error(outcome.problem);
  return nominalsBetween(outcome.timing, Date.parse(from), Infinity, count).map(iso);
};

const problemOf = (cron: unknown, zone: unknown = 'UTC'): string => {
  const outcome = parseTiming(cron, zone);
  return outcome.ok ? 'none' : `${outcome.field}: ${outcome.problem}`;
};

/** The days of January 2024 (a Monday its first) on which a cron fires. */
const january = (cron: string): number[] => {
  const outcome = parseTiming(cron, 'UTC');
  if (!outcome.ok) throw new Error(outcome.problem);
  const times = nominalsBetween(outcome.timing, Date.UTC(2024) - 1, Date.UTC(2024, 1) - 1, 1000);
  return [...new Set(times.map((time) => new Date(time).getUTCDate()))];
};

describe('parseTiming reads', () => {
  it('five fields, and six with the second before them', () => {
    expect(nexts('30 9 * * *', '2024-01-01T09:30Z', 2)).toEqual(['2024-01-02T09:30Z', '2024-01-03T09:30Z']);
    expect(nexts('15 30 9 * * *', '2024-01-01T00:00Z', 1)).toEqual(['2024-01-01T09:30:15.000Z']);
  });

  it.each([
    ['@yearly', '2025-01-01T00:00Z'],
    ['@annually', '2025-01-01T00:00Z'],
    ['@monthly', '2024-02-01T00:00Z'],
    ['@weekly', '2024-01-21T00:00Z'],
    ['@daily', '2024-01-18T00:00Z'],
    ['@midnight', '2024-01-18T00:00Z'],
    ['@Hourly', '2024-01-17T13:00Z'],
  ])('%s', (cron, expected) => {
    expect(nexts(cron, '2024-01-17T12:34Z', 1)).toEqual([expected]);
  });

  it.each([
    ['names', '0 0 * jan MON,wed', [1, 3, 8, 10, 15, 17, 22, 24, 29, 31]],
    ['ranges of names', '0 0 * DEC-JAN MON', undefined],
    ['a range that Sunday ends', '0 0 * * SAT-SUN', [6, 7, 13, 14, 20, 21, 27, 28]],
    ['7 as Sunday', '0 0 * * 7', [7, 14, 21, 28]],
    ['a value named twice', '0 0 * * 0,7', [7, 14, 21, 28]],
    ['overlapping ranges', '0 0 1-3,2-4 * *', [1, 2, 3, 4]],
    ['steps', '0 0 */10 * *', [1, 11, 21, 31]],
    ['steps of a range', '0 0 3-9/3 * *', [3, 6, 9]],
    ['steps from a value on', '0 0 20/5 * *', [20, 25, 30]],
    [
      'weekday steps, which end on Saturday',
      '0 0 * * 1/2',
      [1, 3, 5, 8, 10, 12, 15, 17, 19, 22, 24, 26, 29, 31],
    ],
    ['the last day', '0 0 L * *', [31]],
    ['the last day in a list', '0 0 15,L * *', [15, 31]],
    ['the last Friday', '0 0 * * 5L', [26]],
    ['the last Friday by name', '0 0 * * friL', [26]],
    ['the second Tuesday', '0 0 * * TUE#2', [9]],
    ['several of their kind', '0 0 * * 1#1,3#2,0L', [1, 10, 28]],
  ])('%s: %s', (_what, cron, days) => {
    if (days === undefined) expect(problemOf(cron)).toContain('"DEC-JAN"');
    else expect(january(cron)).toEqual(days);
  });

  it('all values by ?, everywhere', () => {
    expect(nexts('? ? ? ? ?', '2024-01-01T00:00Z', 2)).toEqual(['2024-01-01T00:01Z', '2024-01-01T00:02Z']);
  });

  it('a step longer than its field as its first value', () => {
    expect(nexts('*/90 * * * *', '2024-01-01T00:00Z', 2)).toEqual(['2024-01-01T01:00Z', '2024-01-01T02:00Z']);
  });

  it('leap days, over the century that has none', () => {
    expect(nexts('0 0 29 2 *', '2024-03-01T00:00Z', 1)).toEqual(['2028-02-29T00:00Z']);
    expect(nexts('0 0 29 2 *', '2096-03-01T00:00Z', 1)).toEqual(['2104-02-29T00:00Z']);
    expect(iso(timingOf('0 0 29 2 *').previous(Date.parse('2104-02-28T00:00Z')))).toBe('2096-02-29T00:00Z');
    expect(nexts('0 0 * 2 1#5', '2024-01-01T00:00Z', 1)).toEqual(['2044-02-29T00:00Z']);
  });
});

describe('day of month and day of week', () => {
  const mondays = [1, 8, 15, 22, 29];
  it.each([
    ['both restricted: one of them', '0 0 2 * 1', [1, 2, 8, 15, 22, 29]],
    ['a step restricts', '0 0 */15 * 1', [1, 8, 15, 16, 22, 29, 31]],
    ['a weekday step restricts', '0 0 2 * */6', [2, 6, 7, 13, 14, 20, 21, 27, 28]],
    ['a full range restricts', '0 0 1-31 * 1', Array.from({ length: 31 }, (_, index) => index + 1)],
    ['L restricts', '0 0 L * 1', [1, 8, 15, 22, 29, 31]],
    ['* does not', '0 0 * * 1', mondays],
    ['? does not', '0 0 ? * 1', mondays],
    ['*/1 does not', '0 0 */1 * 1', mondays],
    ['nor * in a list', '0 0 *,5 * 1', mondays],
    ['nor * for the weekday', '0 0 8 * *', [8]],
    ['nor ?/1 for the weekday', '0 0 8 * ?/1', [8]],
  ])('%s: %s', (_what, cron, days) => {
    expect(january(cron)).toEqual(days);
  });
});

describe('@every', () => {
  it('counts from 1970, so that all processes agree', () => {
    expect(nexts('@every 7m', '1970-01-01T00:00Z', 2)).toEqual(['1970-01-01T00:07Z', '1970-01-01T00:14Z']);
    expect(nexts('@every 1h30m', '2024-01-01T00:00Z', 2)).toEqual(['2024-01-01T01:30Z', '2024-01-01T03:00Z']);
    expect(minGapMs(timingOf('@EVERY 90s'))).toBe(90_000);
  });

  it('reaches back to 1970 and no further', () => {
    const timing = timingOf('@every 90s');
    expect(timing.next(-1)).toBe(0);
    expect(timing.previous(89_999)).toBe(0);
    expect(timing.previous(-1)).toBeUndefined();
  });

  it.each(['@every', '@every 90', '@every 1 h', '@every -5s', '@every soon'])(
    '%s has no duration',
    (cron) => {
      expect(problemOf(cron)).toMatch(/^schedule: config\.schedule is .* has no duration such as 90s/);
    },
  );

  it.each(['@every 500ms', '@every 1.5s', '@every 0s'])('%s is too fine', (cron) => {
    expect(problemOf(cron)).toContain(`config.schedule is "${cron}", which is no whole number of seconds`);
  });

  it('over a year is too long', () => {
    expect(problemOf('@every 8785h')).toContain('longer than a year');
  });
});

describe('zones', () => {
  it('are the one given, unless the text has its own', () => {
    const noon = '2024-06-01T00:00Z';
    expect(nexts('0 12 * * *', noon, 1, 'Asia/Kathmandu')).toEqual(['2024-06-01T06:15Z']);
    for (const prefix of ['CRON_TZ=', 'TZ='])
      expect(nexts(`${prefix}Europe/Berlin 0 12 * * *`, noon, 1, 'nowhere')).toEqual(['2024-06-01T10:00Z']);
  });

  it('are spelled as usual, and kept by the name that was written', () => {
    const zoneOf = (zone: string): string | undefined => {
      const outcome = parseTiming('@daily', zone);
      return outcome.ok ? outcome.timing.zone : undefined;
    };
    expect(zoneOf('europe/berlin')).toBe('Europe/Berlin');
    expect(zoneOf(' UTC ')).toBe('UTC');
    expect(zoneOf('Europe/Kyiv')).toBe('Europe/Kyiv');
    expect(zoneOf('Asia/Kathmandu')).toBe('Asia/Kathmandu');
  });

  it.each([
    ['Europe/Berln', 'did you mean "Europe/Berlin"?'],
    ['New York', 'did you mean "America/New_York"?'],
    ['Berlin', 'did you mean "Europe/Berlin"?'],
    ['Mars/Olympus_Mons', 'write the name of a zone such as "Europe/Berlin"'],
    ['+02:00', 'write the name of a zone'],
    ['BST', 'means other zones to other people'],
    ['', 'is "", which is no time zone'],
    [null, 'is null, which is no time zone'],
    [{}, 'is an object, which is no time zone'],
    ['x'.repeat(70), 'is a text of 70 characters, which is no time zone'],
  ])('%j is refused', (zone, says) => {
    expect(problemOf('@daily', zone)).toMatch(/^timezone: config\.timezone is /);
    expect(problemOf('@daily', zone)).toContain(says);
  });

  it('of the text itself are a problem of config.schedule', () => {
    expect(problemOf('CRON_TZ=Berlin 0 9 * * *')).toMatch(
      /^schedule: config\.schedule has a CRON_TZ that is "Berlin".* mean "Europe\/Berlin"/,
    );
    expect(problemOf('TZ= 0 9 * * *')).toContain('CRON_TZ that is ""');
    expect(problemOf('CRON_TZ=UTC')).toContain('config.schedule is empty after its CRON_TZ');
  });
});

describe('parseTiming refuses', () => {
  it.each([
    [undefined, 'config.schedule is missing'],
    [null, 'config.schedule is missing'],
    ['', 'config.schedule is empty'],
    [' \n', 'config.schedule is empty'],
    [5, 'config.schedule is 5'],
    [['* * * * *'], 'config.schedule is an array'],
    ['* * * *', 'which has 4 fields'],
    ['0 0 0 1 1 * 2025', 'which has 7 fields'],
    ['hourly', 'which has one field'],
    ['@reboot', 'is none of @yearly'],
    ['60 * * * *', '"60" in its minute field'],
    ['0 24 * * *', 'an hour is 0 to 23'],
    ['0 0 0 * *', '"0" in its day-of-month field'],
    ['0 0 32 * *', 'a day is 1 to 31'],
    ['0 0 * 13 *', 'a month is 1 to 12 or JAN to DEC'],
    ['0 0 * * 8', '"8" in its day-of-week field'],
    ['60 0 0 * * *', '"60" in its second field'],
    ['0 22-5 * * *', 'like 22-23,0-5'],
    ['*/0 * * * *', '"*/0" in its minute field'],
    ['1,,2 * * * *', 'nothing in its minute field'],
    ['1.5 * * * *', 'which has "1.5" in its minute field'],
    ['H * * * *', '"H" in its minute field'],
    ['0 0 15W * *', '"15W" in its day-of-month field'],
    ['0 0 L-3 * *', '"L-3" in its day-of-month field'],
    ['0 0 * * L', '"L" in its day-of-week field'],
    ['0 0 * * 1#6', '"1#6" in its day-of-week field'],
    ['0 0 * * SUN6', '"SUN6" in its day-of-week field'],
    ['0 0 * JANFEB *', '"JANFEB" in its month field'],
    ['0 0 * * monday', '"MONDAY" in its day-of-week field'],
    ['0 0 30 2 *', 'never fires'],
    ['0 0 31 4,6,9,11 *', 'never fires'],
  ])('%j', (cron, says) => {
    const problem = problemOf(cron);
    expect(problem).toMatch(/^schedule: config\.schedule is /);
    expect(problem).toContain(says);
    expect(problem).toContain('write it like "30 9 * * 1-5", "@daily" or "@every 90s"');
  });

  it('what may be a key in the wrong field without showing it', () => {
    expect(problemOf('sk_live_abcdefghijklmnopqrstuvwxyz')).toContain('is a text of 34 characters');
    expect(problemOf('legal winner thank year wave sausage worth')).not.toContain('sausage');
  });

  it('long texts, of which it shows the beginning at most', () => {
    expect(problemOf(`${'0,'.repeat(50)}99 * * * *`)).toMatch(
      /is "(0,){30}…", which has "99" in its minute field/,
    );
    expect(problemOf('* '.repeat(1000))).toContain('a text of 2000 characters, which is too long');
  });
});

describe('timingOf', () => {
  it('reads back the text of a timing, which says everything', () => {
    for (const cron of ['30 9  *\t* 1-5', 'TZ=America/New_York @hourly', '@every 5m']) {
      const outcome = parseTiming(` ${cron} `, 'Europe/Berlin');
      const timing = outcome.ok ? outcome.timing : timingOf(cron);
      const again = timingOf(timing.text);
      expect([again.text, again.cron, again.zone]).toEqual([timing.text, timing.cron, timing.zone]);
    }
    expect(timingOf('CRON_TZ=Europe/Berlin  30 9 * * 1-5').text).toBe('CRON_TZ=Europe/Berlin 30 9 * * 1-5');
    expect(timingOf('CRON_TZ=Europe/Berlin 30 9 * * 1-5').cron).toBe('30 9 * * 1-5');
  });

  it('remembers', () => {
    const text = 'CRON_TZ=Europe/Berlin 31 9 * * 1-5';
    expect(timingOf(text)).toBe(timingOf(text));
  });

  it('throws for what is no timing', () => {
    expect(() => timingOf('often')).toThrow('config.schedule is "often", which has one field');
  });

  it('has an end, and takes any number', () => {
    const timing = timingOf('0 0 1 1 *');
    expect(iso(timing.previous(Infinity))).toBe('2199-01-01T00:00Z');
    expect(timing.next(Date.UTC(2199))).toBeUndefined();
    expect(timing.next(Infinity)).toBeUndefined();
    expect(timing.next(NaN)).toBeUndefined();
    expect(timing.next(-Infinity)).toBe(0);
    expect(timing.previous(-1)).toBeUndefined();
  });
});

describe('minGapMs', () => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;
  it.each([
    ['* * * * * *', 'UTC', SECOND],
    ['*/20 * * * * *', 'UTC', 20 * SECOND],
    ['0,50 * * * * *', 'UTC', 10 * SECOND],
    ['30 * * * *', 'Europe/Berlin', HOUR],
    ['*/25 * * * *', 'UTC', 10 * MINUTE],
    ['0,10 9,17 * * *', 'UTC', 10 * MINUTE],
    ['59 9 * * *', 'UTC', DAY],
    ['0 0,23 * * *', 'UTC', HOUR],
    ['0 0,23 1,15 * *', 'UTC', 23 * HOUR],
    ['30 9 * * 1,4', 'UTC', 3 * DAY],
    ['0 0 L * *', 'UTC', 28 * DAY],
    ['0 0 31 12,1 *', 'UTC', 31 * DAY],
    ['0 0 1 1 *', 'UTC', 365 * DAY],
    ['0 0 29 2 *', 'UTC', 1461 * DAY],
    ['30 9 * * *', 'Europe/Berlin', 23 * HOUR],
    ['0 2,4 * * *', 'Europe/Berlin', HOUR],
    ['45 * * * *', 'Australia/Lord_Howe', 30 * MINUTE],
    ['*/20 2 * * *', 'Australia/Lord_Howe', 10 * MINUTE],
    ['@every 90s', 'Europe/Berlin', 90 * SECOND],
  ])('%s in %s', (cron, zone, expected) => {
    expect(minGapMs(timingOf(`CRON_TZ=${zone} ${cron}`))).toBe(expected);
  });
});

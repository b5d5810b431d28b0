import fc from 'fast-check';

/** Zones with every kind of change of clocks that the years 2020 to 2030 know, and some with none. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Santiago',
  'America/Havana',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Australia/Sydney',
  'Pacific/Chatham',
  'Pacific/Fiji',
  'Antarctica/Troll',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Tehran',
  'Asia/Gaza',
  'Asia/Kathmandu',
  'Asia/Tokyo',
] as const;

const DECADE_FROM = Date.UTC(2020);
const DECADE_UNTIL = Date.UTC(2030);
const HOUR_MS = 3_600_000;

/** A zone's offset from UTC, by another way than `model/cron` finds it. */
export function offsetOf(zone: string, at: number): number {
  const text = offsetFormat(zone).format(at);
  const match = /GMT(?:(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d))?$/.exec(text)?.groups ?? {};
  const minutes = Number(match['hours'] ?? 0) * 60 + Number(match['minutes'] ?? 0);
  return (match['sign'] === '-' ? -minutes : minutes) * 60_000;
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function offsetFormat(zone: string): Intl.DateTimeFormat {
  const format =
    FORMATS.get(zone) ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  FORMATS.set(zone, format);
  return format;
}

/** The decade's changes of each zone's clocks, to the half hour. */
const CHANGES = new Map<string, readonly number[]>(
  ZONES.map((zone) => {
    const found: number[] = [];
    const step = (from: number, until: number, stepMs: number): void => {
      for (let at = from; at < until; at += stepMs)
        if (offsetOf(zone, at) === offsetOf(zone, at + stepMs)) continue;
        else if (stepMs > HOUR_MS / 2) step(at, at + stepMs, HOUR_MS / 2);
        else found.push(at + stepMs);
    };
    step(DECADE_FROM, DECADE_UNTIL, 24 * HOUR_MS);
    return [zone, found];
  }),
);

const instant = fc
  .integer({ min: DECADE_FROM / 1000, max: DECADE_UNTIL / 1000 })
  .map((second) => second * 1000);

/** Seconds from a change of clocks to the start of a search: in what it changed, soon before, or up to a day and a half. */
const nearby = fc.oneof(
  fc.integer({ min: -3 * 3600, max: 2 * 3600 }),
  fc.integer({ min: -36 * 3600, max: 0 }),
);

/** A zone and a moment of the decade, mostly near to where its clocks change, if they ever do. */
export const zoneAndInstant = fc.constantFrom(...ZONES).chain((zone) => {
  const changes = CHANGES.get(zone) ?? [];
  const nearChange = fc
    .tuple(fc.constantFrom(...(changes.length > 0 ? changes : [DECADE_FROM])), nearby)
    .map(([change, seconds]) => change + seconds * 1000);
  return fc.record({
    zone: fc.constant<string>(zone),
    at:
      changes.length === 0
        ? instant
        : fc.oneof({ arbitrary: instant, weight: 1 }, { arbitrary: nearChange, weight: 4 }),
  });
});

/** One field in the notation that all cron libraries share: no value twice, no step without a range or `*`. */
function field(min: number, max: number): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
  const step = fc.integer({ min: 2, max: Math.max(2, Math.floor((max - min + 1) / 2)) });
  return fc.oneof(
    { arbitrary: fc.constant('*'), weight: 4 },
    { arbitrary: value.map(String), weight: 3 },
    { arbitrary: range.map(([a, b]) => `${a}-${b}`), weight: 1 },
    { arbitrary: step.map((n) => `*/${n}`), weight: 2 },
    { arbitrary: fc.tuple(range, step).map(([[a, b], n]) => `${a}-${b}/${n}`), weight: 1 },
    {
      arbitrary: fc.uniqueArray(value, { minLength: 2, maxLength: 4 }).map((list) => list.join(',')),
      weight: 2,
    },
  );
}

const MONTHS = ['JAN', 'feb', 'Mar', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'mon', 'Tue', 'WED', 'THU', 'FRI', 'SAT'];

/** Changes of clocks are at night. */
const hour = fc.oneof(field(0, 23), field(0, 4), fc.constant('*'));
const monthDay = fc.oneof(
  { arbitrary: fc.constant('*'), weight: 6 },
  { arbitrary: field(1, 31), weight: 4 },
  { arbitrary: fc.constantFrom('L', '?', '15,L', '1-3,L'), weight: 1 },
);
const month = fc.oneof(
  { arbitrary: fc.constant('*'), weight: 8 },
  { arbitrary: field(1, 12), weight: 1 },
  { arbitrary: fc.constantFrom(...MONTHS, 'MAR-nov'), weight: 1 },
);
const weekday = fc.oneof(
  { arbitrary: fc.constant('*'), weight: 6 },
  { arbitrary: field(0, 6), weight: 2 },
  {
    arbitrary: fc.constantFrom(
      ...WEEKDAYS,
      '7',
      '?',
      'MON-FRI',
      '5-7',
      '5L',
      '0L',
      'FRIL',
      '1#1',
      '5#5',
      'SUN#2',
    ),
    weight: 2,
  },
);

const fiveFields = fc.tuple(field(0, 59), hour, monthDay, month, weekday).map((fields) => fields.join(' '));

/** Five fields or six, in the notation that all cron libraries share. */
export const arbitraryCron = fc.oneof(
  { arbitrary: fiveFields, weight: 3 },
  { arbitrary: fc.tuple(field(0, 59), fiveFields).map(([second, rest]) => `${second} ${rest}`), weight: 1 },
);

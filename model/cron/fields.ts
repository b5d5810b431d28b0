import { CronExpressionParser, type CronFieldCollection } from 'cron-parser';
import { shown } from '../shown.ts';
import { EVERY_OF_MONTH, LAST_OF_MONTH, type CronFields } from './calendar.ts';
import { Lru } from './lru.ts';

/** `problem` ends a sentence that begins with the whole text. */
export type FieldsOutcome = { ok: true; fields: CronFields } | { ok: false; problem: string };

const NUMBER = String.raw`\d{1,9}`;
const NAMED = String.raw`(?:\d{1,9}|[A-Z]{3})`;
const spans = (value: string): string => String.raw`(?:[*?]|${value}(?:-${value})?)(?:\/\d{1,9})?`;

type Unit = {
  field: keyof CronFieldCollection & ('second' | 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek');
  name: string;
  /** What one item of its list may look like. The parser is laxer: to it, `SUN6` is Saturday. */
  item: RegExp;
  allowed: string;
};

const UNITS: readonly Unit[] = [
  { field: 'second', name: 'second', item: whole(spans(NUMBER)), allowed: 'a second is 0 to 59' },
  { field: 'minute', name: 'minute', item: whole(spans(NUMBER)), allowed: 'a minute is 0 to 59' },
  {
    field: 'hour',
    name: 'hour',
    item: whole(spans(NUMBER)),
    allowed: 'an hour is 0 to 23, and a span over midnight is written in two parts, like 22-23,0-5',
  },
  {
    field: 'dayOfMonth',
    name: 'day-of-month',
    item: whole(`${spans(NUMBER)}|L`),
    allowed: 'a day is 1 to 31, or L for the last one of the month',
  },
  {
    field: 'month',
    name: 'month',
    item: whole(spans(NAMED)),
    allowed: 'a month is 1 to 12 or JAN to DEC',
  },
  {
    field: 'dayOfWeek',
    name: 'day-of-week',
    item: whole(`${spans(NAMED)}|${NAMED}L|${NAMED}#[1-5]`),
    allowed:
      'a weekday is 0 to 7 (0 and 7 are Sunday) or SUN to SAT, 5L is the last Friday of a month, 5#2 the second one',
  },
];

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/** Five fields, or six with seconds before them. */
export function readFields(cron: string): FieldsOutcome {
  const texts = cron.toUpperCase().split(' ');
  if (texts.length !== 5 && texts.length !== 6) return { ok: false, problem: wrongCount(texts.length) };
  if (texts.length === 5) texts.unshift('0');
  const read: Item[][] = [];
  for (const [index, unit] of UNITS.entries()) {
    const items: Item[] = [];
    for (const text of (texts[index] ?? '').split(',')) {
      const item = readItem(unit, text);
      if ('problem' in item) return { ok: false, problem: unreadable(unit, text, item.problem) };
      items.push(item);
    }
    read.push(items);
  }
  const [seconds = [], minutes = [], hours = [], monthDays = [], months = [], weekdays = []] = read;
  return {
    ok: true,
    fields: {
      seconds: numbers(seconds),
      minutes: numbers(minutes),
      hours: numbers(hours),
      monthDays: bits(numbers(monthDays)),
      lastMonthDay: monthDays.some(({ values }) => values.includes('L')),
      months: bits(numbers(months).map((month) => month - 1)),
      weekdays: weekdaysOf(weekdays),
      monthDaysRestricted: !monthDays.some(({ everything }) => everything),
      weekdaysRestricted: !weekdays.some(({ everything }) => everything),
    },
  };
}

function wrongCount(count: number): string {
  return (
    `has ${count === 1 ? 'one field' : `${count} fields`}: a cron has five (minute, hour, day of month, month, ` +
    `weekday), or six with the second before them${count === 7 ? ' and no year after them' : ''}`
  );
}

function unreadable({ name, allowed }: Unit, item: string, why: string): string {
  return `has ${item === '' ? 'nothing' : shown(item)} in its ${name} field, which cannot be read${why}: ${allowed}`;
}

/** One item of a field's list, as the parser read it. */
type Item = { values: readonly (number | string)[]; nth: number; everything: boolean };

/** Nearly all items are one of few, and the parser takes its time over each. */
const ITEMS = new Lru<Item | { problem: string }>(2000);

const readItem = (unit: Unit, text: string): Item | { problem: string } =>
  text.length > MAX_ITEM_LENGTH
    ? { problem: '' }
    : ITEMS.get(`${unit.name} ${text}`, () => parseItem(unit, text));

const MAX_ITEM_LENGTH = 32;

function parseItem(unit: Unit, text: string): Item | { problem: string } {
  if (!unit.item.test(text)) return { problem: '' };
  // Alone in its field, since the parser refuses lists that name a value twice (`1-5,3`), which other crons allow.
  const atoms = UNITS.map(({ field }) => (field === unit.field ? parsable(unit, text) : '*'));
  try {
    const { fields } = CronExpressionParser.parse(atoms.join(' '), { tz: 'UTC', currentDate: 0 });
    return {
      values: fields[unit.field].values,
      nth: fields.dayOfWeek.nthDay,
      everything: /^[*?](?:\/0*1)?$/.test(text),
    };
  } catch (error) {
    return { problem: error instanceof Error ? ` (${error.message})` : '' };
  }
}

/** Sunday may end a span, as 7; and a week that is stepped through from a day on ends on Saturday, not on a second Sunday. */
function parsable({ field }: Unit, text: string): string {
  if (field !== 'dayOfWeek') return text;
  return text
    .replace(/^([1-6]|MON|TUE|WED|THU|FRI|SAT)-SUN\b/, '$1-7')
    .replace(/^([0-6]|SUN|MON|TUE|WED|THU|FRI|SAT)\//, '$1-6/');
}

const numbers = (items: readonly Item[]): number[] =>
  [...new Set(items.flatMap(({ values }) => values.filter((value) => typeof value === 'number')))].sort(
    (a, b) => a - b,
  );

const bits = (values: readonly number[]): number => values.reduce((set, value) => set | (1 << value), 0);

function weekdaysOf(items: readonly Item[]): number[] {
  const days = new Array<number>(7).fill(0);
  const add = (day: number, which: number): void => {
    days[day % 7] = (days[day % 7] ?? 0) | which;
  };
  for (const { values, nth } of items)
    for (const value of values)
      if (typeof value === 'number') add(value, nth === 0 ? EVERY_OF_MONTH : 1 << (nth - 1));
      else add(Number(value.slice(0, -1)), LAST_OF_MONTH);
  return days;
}

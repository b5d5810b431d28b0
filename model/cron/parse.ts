import { shown } from '../shown.ts';
import { firstDay, type CronFields } from './calendar.ts';
import { CronTiming, EveryTiming, type ReadTiming } from './cron-timing.ts';
import { readEvery } from './every.ts';
import { readFields } from './fields.ts';
import { Lru } from './lru.ts';
import type { Timing } from './timing.ts';
import { rulesOf } from './zone-rules.ts';
import { readZone } from './zone.ts';

/** `field` says which of the two was wrong; the problem names it as `config.schedule` or `config.timezone`. */
export type TimingOutcome =
  { ok: true; timing: Timing } | { ok: false; field: 'schedule' | 'timezone'; problem: string };

/** Every value of every field takes about half of this. */
const MAX_LENGTH = 1024;
const CURE = 'write it like "30 9 * * 1-5", "@daily" or "@every 90s"';

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Reading costs tens of microseconds, and the planner looks at every schedule again and again. */
const READ = new Lru<ReadOutcome>(10_000);

type ReadOutcome = Exclude<TimingOutcome, { ok: true }> | { ok: true; timing: ReadTiming };

/**
 * A schedule as its owner wrote it (`config.schedule`), in a zone (`config.timezone`) unless it names its own. What is read
 * and what is refused is in README.md.
 */
export const parseTiming = (cron: unknown, zone: unknown): TimingOutcome => outcomeOf(cron, zone);

/** A schedule's text, or its zone, as people see it: what cannot be read may be a key that was pasted into the wrong field. */
export function cronInWords(cron: unknown): string {
  if (typeof cron !== 'string') return shown(cron);
  return parseTiming(cron, 'UTC').ok ? cron : shownCron(cron);
}
export function zoneInWords(zone: unknown): string {
  const outcome = readZone(zone);
  return outcome.ok ? outcome.zone : shown(zone);
}

/** The timing with that `text`. Throws for a text that no timing has; whoever cannot rule that out wants `parseTiming`. */
export const timingOf = (text: string): Timing => readTiming(text);

/** The shortest time between two nominal times in a row, changes of clocks included. */
export const minGapMs = (timing: Timing): number => readTiming(timing.text).minGapMs();

function readTiming(text: string): ReadTiming {
  const outcome = outcomeOf(text, 'UTC');
  if (!outcome.ok) throw new Error(outcome.problem);
  return outcome.timing;
}

function outcomeOf(cron: unknown, zone: unknown): ReadOutcome {
  if (typeof cron !== 'string')
    return wrongCron(cron === undefined || cron === null ? 'missing' : shown(cron));
  if (cron.length > MAX_LENGTH) return wrongCron(`a text of ${cron.length} characters, which is too long`);
  if (typeof zone !== 'string' || zone.length > MAX_LENGTH) return wrongZone(zone);
  return READ.get(`${zone}\n${cron}`, () => read(cron, zone));
}

function read(text: string, zone: string): ReadOutcome {
  const { cron, ownZone } = parts(text);
  if (ownZone === undefined) {
    const known = readZone(zone);
    return known.ok ? readIn(cron, known.zone) : wrongZone(zone);
  }
  const known = readZone(ownZone);
  if (!known.ok)
    return {
      ok: false,
      field: 'schedule',
      problem: `config.schedule has a CRON_TZ that is ${known.problem}`,
    };
  return cron === '' ? wrongCron('empty after its CRON_TZ') : readIn(cron, known.zone);
}

/** One space between fields, so that equal timings have equal texts. */
function parts(text: string): { cron: string; ownZone: string | undefined } {
  const [first = '', ...rest] = text.trim().split(/\s+/);
  const ownZone = /^(?:CRON_)?TZ=(.*)$/.exec(first)?.[1];
  return { cron: (ownZone === undefined ? [first, ...rest] : rest).join(' '), ownZone };
}

function readIn(cron: string, zone: string): ReadOutcome {
  if (cron === '') return wrongCron('empty');
  const wrong = (problem: string): ReadOutcome => wrongCron(`${shownCron(cron)}, which ${problem}`);
  const every = readEvery(cron);
  if (every !== undefined)
    return every.ok ? { ok: true, timing: new EveryTiming(cron, zone, every.ms) } : wrong(every.problem);
  const spelled = cron.startsWith('@') ? NICKNAMES[cron.toLowerCase()] : cron;
  if (spelled === undefined) return wrong(`is none of ${Object.keys(NICKNAMES).join(', ')} and @every`);
  const outcome = readFields(spelled);
  if (!outcome.ok) return wrong(outcome.problem);
  if (neverFires(outcome.fields)) return wrong('never fires: no month that it names has such a day');
  return { ok: true, timing: new CronTiming(cron, zone, outcome.fields, rulesOf(zone)) };
}

/** Exactly so: the calendar repeats after 400 years, and every day has all times of day. */
const neverFires = (fields: CronFields): boolean => firstDay(fields, 0, Date.UTC(1970 + 400)) === undefined;

const wrongCron = (problem: string): ReadOutcome => ({
  ok: false,
  field: 'schedule',
  problem: `config.schedule is ${problem}; ${CURE}`,
});

function wrongZone(zone: unknown): ReadOutcome {
  const outcome = readZone(zone);
  return {
    ok: false,
    field: 'timezone',
    problem: `config.timezone is ${outcome.ok ? shown(zone) : outcome.problem}`,
  };
}

const CRON_LIKE =
  /^(?:[\d\s*?,/#-]|[LHW]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)*$/i;
const SHOWN_LENGTH = 60;

/** What can be nothing but a cron is shown, if long, by its beginning; anything else may be a key in the wrong field. */
function shownCron(text: string): string {
  if (!CRON_LIKE.test(text) || text.length <= SHOWN_LENGTH)
    return CRON_LIKE.test(text) ? JSON.stringify(text) : shown(text);
  return JSON.stringify(`${text.slice(0, SHOWN_LENGTH)}…`);
}

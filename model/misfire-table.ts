import { timingOf } from './cron/parse.ts';
import { nominalsBetween } from './cron/timing.ts';
import { durationText } from './duration.ts';
import { runIdOf } from './runs.ts';
import { schedulePolicy, type ScheduleOperator } from './schedule-policy.ts';
import type { SchedulePolicy } from './schedules.ts';
import { decideTicks, type TickDecision } from './ticks.ts';

/** The tables in the README of `config.misfire` and `config.overlap`: small stories, told by the code that decides. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const EVERY_MINUTE = '* * * * *';

/** A time of day is all that shows; the date is any. */
const DOWN_SINCE = Date.UTC(2026, 10, 24, 10);
const BACK_AT = DOWN_SINCE + 10 * MINUTE_MS + 5 * SECOND_MS;
const MISFIRES: readonly { misfire: unknown; overlap: string }[] = [
  { misfire: 'skip', overlap: 'allow' },
  { misfire: 'fire-once', overlap: 'allow' },
  { misfire: 'fire-once', overlap: 'forbid' },
  { misfire: { policy: 'fire-once', window: '1m' }, overlap: 'allow' },
  { misfire: 'fire-all', overlap: 'allow' },
  { misfire: { policy: 'fire-all', max: 3 }, overlap: 'allow' },
  { misfire: { policy: 'fire-all', window: '5m' }, overlap: 'allow' },
];

const FIRST_TICK = DOWN_SINCE;
const TICKS = 6;
const RUN_MS = 2 * MINUTE_MS + 30 * SECOND_MS;
const OVERLAPS: readonly unknown[] = [
  'forbid',
  'queue-one',
  'replace',
  { policy: 'allow', max: 2 },
  { policy: 'allow', max: 3 },
];

/** What the operator has set; the page is made with the defaults. */
export type TableRules = { operator: ScheduleOperator; misfireAfterMs: number };

/** Both tables, as Markdown. */
export const misfireTable = (rules: TableRules): string => `${misfires(rules)}\n\n${overlaps(rules)}\n`;

function misfires(rules: TableRules): string {
  const nominals = nominalsBetween(timingOf(EVERY_MINUTE), DOWN_SINCE, BACK_AT, Infinity);
  const rows = MISFIRES.map(({ misfire, overlap }) => {
    const decisions = decide(rules, { misfire, overlap }, nominals, BACK_AT, []);
    const last = decisions.findLast((tick) => !tick.run);
    const reason =
      last === undefined ? '' : `${clock(last.nominalMs)}: ${last.reason.replace(/^Skipped: /, '')}`;
    return [code(misfire), code(overlap), ...decisions.map((tick) => (tick.run ? '**runs**' : '·')), reason];
  });
  const head = ['`misfire`', '`overlap`', ...nominals.map(clock), 'reason of the last skipped'];
  return [
    `A schedule each minute (\`${EVERY_MINUTE}\`). All processors are down from ${clock(DOWN_SINCE)} to ${clock(BACK_AT)}. What becomes of each tick then`,
    `(a dot: a record with the state \`skipped\` and its reason; what runs is caught up in order, but for ${clock(nominals.at(-1) ?? 0)}, which is on time):`,
    '',
    ...table(head, rows),
  ].join('\n');
}

function overlaps(rules: TableRules): string {
  const nominals = nominalsBetween(
    timingOf(EVERY_MINUTE),
    FIRST_TICK - 1,
    FIRST_TICK + (TICKS - 1) * MINUTE_MS,
    Infinity,
  );
  const rows = OVERLAPS.map((overlap) => [code(overlap), ...tell(rules, overlap, nominals)]);
  return [
    `A schedule each minute, whose runs take ${durationText(RUN_MS)} each. What becomes of each tick (a dot: skipped):`,
    '',
    ...table(['`overlap`', ...nominals.map(clock)], rows),
  ].join('\n');
}

type Actor = { runId: string; waited: boolean; startMs?: number };

/** What each tick of the story comes to, with runs that start as soon as the line lets them and stop as soon as they are told. */
function tell(rules: TableRules, overlap: unknown, nominals: readonly number[]): string[] {
  const { max } = policyOf(rules, { overlap }).overlap;
  const ends = new Map<string, string>();
  let line: Actor[] = [];

  const leave = (leaving: Actor, atMs: number, how: string): void => {
    line = line.filter((actor) => actor !== leaving);
    const span = leaving.startMs === undefined ? '' : `${clock(leaving.startMs)}–${clock(atMs)}`;
    ends.set(leaving.runId, [leaving.waited ? 'waits' : '', span, how].filter(Boolean).join(', '));
  };
  const startThoseInFront = (atMs: number): void => {
    for (const actor of line.slice(0, max)) actor.startMs ??= atMs;
  };
  const letTimePass = (untilMs: number): void => {
    for (;;) {
      const [first] = line;
      const endMs = (first?.startMs ?? Infinity) + RUN_MS;
      if (first === undefined || endMs > untilMs) return;
      leave(first, endMs, '');
      startThoseInFront(endMs);
    }
  };

  const decisions = nominals.flatMap((nominalMs) => {
    letTimePass(nominalMs);
    const ids = line.map((actor) => actor.runId);
    const decided = decide(rules, { overlap }, [nominalMs], nominalMs, ids);
    for (const tick of decided) {
      if (!tick.run) continue;
      for (const actor of line.filter(({ runId }) => tick.cancels.includes(runId)))
        leave(actor, nominalMs, 'cancelled');
      line.push({ runId: tick.runId, waited: line.length >= max });
      startThoseInFront(nominalMs);
    }
    return decided;
  });
  letTimePass(Number.MAX_SAFE_INTEGER);
  return decisions.map((tick) => (tick.run ? (ends.get(tick.runId) ?? '') : '·'));
}

function policyOf({ operator }: TableRules, config: Readonly<Record<string, unknown>>): SchedulePolicy {
  const outcome = schedulePolicy({ id: 'story', config: { schedule: EVERY_MINUTE, ...config } }, operator);
  if (!outcome.ok) throw new Error(outcome.problems.join('; '));
  return outcome.policy;
}

const decide = (
  rules: TableRules,
  config: Readonly<Record<string, unknown>>,
  nominals: readonly number[],
  nowMs: number,
  line: readonly string[],
): TickDecision[] =>
  decideTicks({
    nominals,
    nowMs,
    policy: policyOf(rules, config),
    timing: timingOf(EVERY_MINUTE),
    misfireAfterMs: rules.misfireAfterMs,
    line,
    runId: (nominalMs) => runIdOf('story', new Date(nominalMs)),
    jitter: () => 0,
  });

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);

/** As it stands in a config. */
const code = (value: unknown): string =>
  `\`${JSON.stringify(value).replaceAll(/(?<=[,:])(?=["\d])/g, ' ')}\``;

function clock(ms: number): string {
  const time = new Date(ms).toISOString().slice(11, 19);
  return time.endsWith(':00') ? time.slice(0, 5) : time;
}

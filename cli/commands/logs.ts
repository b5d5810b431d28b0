import { InvalidArgumentError, type Command } from 'commander';
import { durationMs } from '../../infra/config/schemas.ts';
import { storedLine } from '../../model/log-lines.ts';
import { dayText } from '../../producers/control/logs/place.ts';
import { withMongo } from '../connections.ts';
import { showLine } from '../logs/line.ts';
import { subscribeLive, unseen } from '../logs/live.ts';
import { readLog, saveNow } from '../logs/read.ts';
import type { StoredOptions } from '../logs/stored.ts';
import { endOfLog, followLog, type LogWish } from '../logs/ask.ts';
import { isElsewhere, withApi } from '../client/with-api.ts';
import { findTarget, type Target } from '../target.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { look, wholeNumber } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { untilInterrupted } from './watching.ts';

type Flags = ApiFlags & { follow?: boolean; since?: number; date?: string; lines?: number };

const DAY_MS = 86_400_000;
const USUAL_LINES = 100;
const MOST_LINES = 100_000;
/** A bot may not have printed for some days. */
const DAYS_BACK = 7;
const MOST_DAYS_BACK = 400;
/** Of what is shown of the log, the last lines may come live once more. */
const OVERLAP_LINES = 1_000;

export function logsCommand(program: Command): void {
  asClient(program.command('logs'))
    .description('what a bot or schedule printed')
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .option('-f, --follow', 'go on with what it prints from now on, until Ctrl-C')
    .option('--since <time>', 'not older than this: a span such as 2h, or a time in UTC', since)
    .option('--date <day>', 'of this day (UTC), as YYYYMMDD', day)
    .option(
      '--lines <lines>',
      `the last lines, ${USUAL_LINES} where no time is given`,
      wholeNumber(1, MOST_LINES),
    )
    .action(logs);
}

async function logs(id: string, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  if (isElsewhere(flags)) return ofServer(id, flags);
  const target = findTarget(flags);
  if (flags.follow === true) return follow(target, id, flags);
  const lines = await withMongo(target, (collections) => readLog(target, collections, id, storedOf(flags)));
  if (lines.length === 0 && flags.json !== true) console.log(nothingOf(flags));
  for (const line of lines) print(line, flags);
}

async function ofServer(id: string, flags: Flags): Promise<void> {
  const wish = { id, ...wishOf(flags) };
  if (flags.follow === true)
    return withApi(flags, (api, tell) =>
      untilInterrupted((signal) =>
        followLog(api, wish, {
          take: (line) => print(line, flags),
          note: (text) => console.error(text),
          tell,
          signal,
        }),
      ),
    );
  const lines = await withApi(flags, (api) => endOfLog(api, wish));
  if (lines.length === 0 && flags.json !== true) console.log(nothingOf(flags));
  for (const line of lines) print(line, flags);
}

const wishOf = ({ since: sinceMs, date, lines }: Flags): Omit<LogWish, 'id'> => ({
  lines: lines ?? (sinceMs === undefined && date === undefined ? USUAL_LINES : MOST_LINES),
  sinceMs,
  date,
});

async function follow(target: Target, id: string, flags: Flags): Promise<void> {
  // Before anything is read: what is printed meanwhile is in one of the two.
  await using live = await subscribeLive(target, id);
  const history = await withMongo(target, async (collections) => {
    await saveNow(target, collections, id).catch((error: unknown) =>
      console.error(`The newest lines may be missing: ${(error as Error).message}`),
    );
    return readLog(target, collections, id, storedOf(flags));
  });
  for (const line of history) print(line, flags);
  for await (const line of unseen(live.lines, history.slice(-OVERLAP_LINES)))
    print(flags.json === true ? asStored(line) : line, flags);
}

/** Live, a line is as the bot printed it. */
const asStored = (line: string): string =>
  storedLine(Buffer.from(line), new Date().toISOString())?.toString() ?? line;

function print(line: string, { json }: Flags): void {
  console.log(json === true ? line : showLine(line, look()));
}

function storedOf({ since: sinceMs, date, lines }: Flags): StoredOptions {
  const days = sinceMs === undefined ? DAYS_BACK : Math.ceil((Date.now() - sinceMs) / DAY_MS) + 1;
  return {
    day: date ?? dayText(Date.now()),
    days: date === undefined ? Math.min(MOST_DAYS_BACK, days) : 1,
    lines: lines ?? (sinceMs === undefined && date === undefined ? USUAL_LINES : MOST_LINES),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    signal: AbortSignal.timeout(120_000),
  };
}

const nothingOf = ({ since: sinceMs, date }: Flags): string =>
  date !== undefined
    ? `It printed nothing on ${date}.`
    : sinceMs === undefined
      ? `It printed nothing in the last ${DAYS_BACK} days.`
      : `It printed nothing since ${new Date(sinceMs).toISOString()}.`;

function since(text: string): number {
  const span = durationMs('0s').safeParse(text);
  if (span.success && /^\d/.test(text) && !text.includes('-')) return Date.now() - span.data;
  // A day alone is taken as UTC's; one with a time of day needs to be told.
  const at = Date.parse(/[zZ]|[+-]\d{2}:\d{2}$/.test(text) || !text.includes(':') ? text : `${text}Z`);
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'Expected a span such as 90s, 2h, 3d, or a time such as 2026-11-24T10:00:00Z.',
    );
  return at;
}

function day(text: string): string {
  const iso = `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
  if (!/^\d{8}$/.test(text) || Number.isNaN(Date.parse(iso)))
    throw new InvalidArgumentError('Expected a day as YYYYMMDD, such as 20261124.');
  return text;
}

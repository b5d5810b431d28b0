import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Run } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import type { Schedule } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { serverNowMs } from '../api/clock.ts';
import { runs, schedules } from '../api/clients.ts';
import { askAgainInMs, type Span, type Tick } from './calendar.ts';
import { msOf } from './rows.ts';
import { useEvents, useThrottled } from './use-events.ts';
import { useLoad, type Loaded, type Reload } from './use-load.ts';

/** An hour of a schedule of each second has 3,600. */
export const MOST_RUNS = 4_000;
const PAGE = 1_000;
/** The most that the API tells at once. */
export const MOST_AHEAD = 1_000;
const DRAWN_EVERY_MS = 250;

export type Ahead = { timesMs: readonly number[]; isAll: boolean };

/** The ticks that will come, asked for again before they run out. */
export function useAhead({ id, schedule, phase }: Schedule): Loaded<Ahead> {
  const [ahead, reload] = useLoad(`${id} ${schedule} ${phase}`, (signal) => nextTimes(id, signal));
  useEffect(() => {
    const inMs = ahead.value === undefined ? undefined : askAgainInMs(ahead.value, serverNowMs());
    if (inMs === undefined) return;
    const timer = setTimeout(reload, inMs);
    return () => clearTimeout(timer);
  }, [ahead, reload]);
  return ahead;
}

async function nextTimes(id: string, signal: AbortSignal): Promise<Ahead> {
  const { times, exhausted } = await schedules.previewSchedule(
    { of: { case: 'id', value: id }, count: MOST_AHEAD },
    { signal },
  );
  return { timesMs: times.flatMap(({ at }) => msOf(at) ?? []), isAll: exhausted };
}

export type Recorded = {
  ticks: readonly Tick[];
  /** There are older ones than these. */
  isCapped: boolean;
};

type Read = { runs: readonly Run[]; isCapped: boolean; round: number };

/**
 * The ticks within a span that are on record. They are read once; whatever the stream tells from then on is put among
 * them, since a schedule of each second has thousands, and news all the time.
 */
export function useRecorded(id: string, span: Span): [Loaded<Recorded>, Reload] {
  // What was told before a reading began is in what it read, or older than that.
  const round = useRef(0);
  const told = useRef(new Map<string, { run: Run; round: number }>());
  const [drawn, setDrawn] = useState(0);
  const draw = useThrottled(DRAWN_EVERY_MS, () => setDrawn((before) => before + 1));
  const [loaded, reload] = useLoad(`${id} ${span.fromMs} ${span.toMs}`, async (signal): Promise<Read> => {
    round.current += 1;
    const begun = round.current;
    return { ...(await runsWithin(id, span, signal)), round: begun };
  });
  useEvents(({ subject }) => {
    if (subject.case !== 'run' || subject.value.schedule !== id) return;
    told.current.set(subject.value.id, { run: subject.value, round: round.current });
    draw();
  });
  const recorded = useMemo((): Recorded | undefined => {
    const { value } = loaded;
    if (value === undefined) return undefined;
    const all = new Map(value.runs.map((run) => [run.id, run]));
    for (const [key, { run, round: at }] of told.current) {
      const { atMs } = tickOf(run);
      if (at < value.round || atMs < span.fromMs || atMs >= span.toMs) told.current.delete(key);
      else all.set(key, run);
    }
    return { ticks: [...all.values()].map(tickOf), isCapped: value.isCapped };
  }, [loaded.value, drawn, span.fromMs, span.toMs]);
  if (loaded.state === 'failed')
    return [{ state: 'failed', problem: loaded.problem, value: recorded }, reload];
  return [recorded === undefined ? { state: 'loading' } : { state: 'ready', value: recorded }, reload];
}

async function runsWithin(
  schedule: string,
  { fromMs, toMs }: Span,
  signal: AbortSignal,
): Promise<Omit<Read, 'round'>> {
  const found: Run[] = [];
  let token = '';
  do {
    const page = await runs.listRuns(
      { schedule, from: timestampFromMs(fromMs), to: timestampFromMs(toMs), page: { size: PAGE, token } },
      { signal },
    );
    found.push(...page.runs);
    token = page.nextToken;
  } while (token !== '' && found.length < MOST_RUNS);
  return { runs: found, isCapped: token !== '' };
}

/** One object for each run as it was told: what did not change is known by that. */
const ticks = new WeakMap<Run, Tick>();

function tickOf(run: Run): Tick {
  let tick = ticks.get(run);
  if (tick === undefined) {
    const { id, nominal, due, state, reason, kind } = run;
    tick = { atMs: msOf(nominal) ?? msOf(due) ?? 0, run: { id, state, reason, kind } };
    ticks.set(run, tick);
  }
  return tick;
}

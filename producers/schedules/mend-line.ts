import { isFinal, waitsUntilMs, type Run } from '../../model/runs.ts';

/** What is read of a run to see whether its place in line and its job are as they should be. */
export type LinedRun = Pick<
  Run,
  | '_id'
  | 'scheduleId'
  | 'state'
  | 'steps'
  | 'reason'
  | 'nominal'
  | 'due'
  | 'createdAt'
  | 'updatedAt'
  | 'endedAt'
  | 'nextAttemptAt'
> & { cancel?: Pick<NonNullable<Run['cancel']>, 'at'> };

export type LineState = {
  line: readonly string[];
  /** Those in line that are on record, and all of the schedule that are not over. */
  runs: ReadonlyMap<string, LinedRun>;
  /** Runs of the schedule at once. */
  max: number;
  nowMs: number;
};

export type LineRepair = {
  /** Over, yet in line. */
  pull: LinedRun[];
  /** In line, yet not on record: what is there was read in two steps, or the record is gone. */
  unknown: string[];
  /** Not over, yet not in line: those that are at work go to its front, the others to its end. */
  front: LinedRun[];
  back: LinedRun[];
  /** Those that may be at work now, or have to be ended: each needs a job. */
  go: {
    run: LinedRun;
    rank: number;
    waitsUntilMs: number;
    /** Even if it has a job that is delayed. */
    isUrgent: boolean;
  }[];
};

/** Who ends a run writes its record, then takes it out of line; this much later it will not do so any more. */
const LEAVES_WITHIN_MS = 5_000;
/** Who makes runs records them, then puts them in line, under a claim that lapses. */
const LINES_UP_WITHIN_MS = 10_000;

/** Finds what crashes have left undone in a schedule's line, as it was read. Pure. */
export function mendLine({ line, runs, max, nowMs }: LineState): LineRepair {
  const since = (at: Date): number => nowMs - at.getTime();
  const inLine = new Set(line);
  const known = line.flatMap((id) => runs.get(id) ?? []);
  const outside = inOrder(
    [...runs.values()].filter(
      (run) => !inLine.has(run._id) && !isFinal(run.state) && since(run.createdAt) >= LINES_UP_WITHIN_MS,
    ),
  );
  // Whoever asked for the end of a run that waits woke its job; one that is delayed may not have heard.
  const isForgotten = (run: LinedRun): boolean =>
    run.cancel !== undefined && !isAtWork(run) && since(run.cancel.at) >= LEAVES_WITHIN_MS;
  const front = outside.filter(isAtWork);
  const back = outside.filter((run) => !isAtWork(run));
  const mended = [...front, ...known.filter(({ state }) => !isFinal(state)), ...back];
  return {
    pull: known.filter(({ state, updatedAt }) => isFinal(state) && since(updatedAt) >= LEAVES_WITHIN_MS),
    unknown: line.filter((id) => !runs.has(id)),
    front,
    back,
    go: mended.flatMap((run, rank) =>
      rank < max || isAtWork(run) || run.cancel !== undefined
        ? [{ run, rank, waitsUntilMs: waitsUntilMs(run), isUrgent: isForgotten(run) }]
        : [],
    ),
  };
}

/** Runs as they should stand in line: those at work first, then by nominal time. */
export const inOrder = <Seen extends Pick<LinedRun, 'state' | 'nominal'>>(runs: readonly Seen[]): Seen[] =>
  runs.toSorted(
    (a, b) => Number(isAtWork(b)) - Number(isAtWork(a)) || a.nominal.getTime() - b.nominal.getTime(),
  );

/** It may have a container. */
export const isAtWork = ({ state }: Pick<LinedRun, 'state'>): boolean =>
  state === 'preparing' || state === 'running';

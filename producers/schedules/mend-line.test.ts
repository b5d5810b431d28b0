import { describe, expect, it } from 'vitest';
import type { RunState } from '../../model/runs.ts';
import { mendLine, type LinedRun, type LineState } from './mend-line.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const at = (ms: number): Date => new Date(NOW + ms);

/** A run whose nominal time is as many minutes ago as its id says. */
function run(_id: string, state: RunState, more: Partial<LinedRun> = {}): LinedRun {
  const nominal = at(-60_000 * Number(_id.slice(1)));
  return {
    _id,
    scheduleId: 's',
    state,
    reason: 'x',
    nominal,
    due: nominal,
    createdAt: at(-60_000),
    updatedAt: at(-60_000),
    ...more,
  };
}
const mended = (line: string[], runs: LinedRun[], max = 1) =>
  mendLine({
    line,
    max,
    nowMs: NOW,
    runs: new Map(runs.map((each) => [each._id, each])),
  } satisfies LineState);
const goes = (repair: ReturnType<typeof mendLine>) => repair.go.map(({ run: { _id } }) => _id);

describe('mendLine', () => {
  it('finds nothing to mend where all is well; the first of the line needs a job', () => {
    const repair = mended(['r2', 'r1'], [run('r2', 'running'), run('r1', 'queued')]);
    expect(repair).toMatchObject({ pull: [], unknown: [], front: [], back: [] });
    expect(repair.go).toEqual([{ run: run('r2', 'running'), rank: 0, waitsUntilMs: 0, isUrgent: false }]);
  });

  it('pulls a run that is over and calls the next, unless it ended only just now', () => {
    const runs = [run('r2', 'failed'), run('r1', 'queued')];
    expect(mended(['r2', 'r1'], runs).pull.map(({ _id }) => _id)).toEqual(['r2']);
    expect(goes(mended(['r2', 'r1'], runs))).toEqual(['r1']);
    const justEnded = run('r2', 'failed', { updatedAt: at(-1_000) });
    expect(mended(['r2', 'r1'], [justEnded, run('r1', 'queued')]).pull).toEqual([]);
  });

  it('brings open runs into line, those at work to its front, the others behind in order of their time', () => {
    const repair = mended(
      ['r3'],
      [run('r3', 'queued'), run('r1', 'queued'), run('r2', 'queued'), run('r4', 'running')],
      2,
    );
    expect(repair).toMatchObject({ front: [{ _id: 'r4' }], back: [{ _id: 'r2' }, { _id: 'r1' }] });
    expect(goes(repair)).toEqual(['r4', 'r3']);
  });

  it('leaves a run alone whose maker may be about to put it in line', () => {
    const repair = mended([], [run('r1', 'queued', { createdAt: at(-1_000) })]);
    expect(repair).toMatchObject({ front: [], back: [], go: [] });
  });

  it('names entries without a record', () => {
    expect(mended(['r9'], []).unknown).toEqual(['r9']);
  });

  it('delays a job until its jitter or its wait for a retry is over', () => {
    const jittered = run('r1', 'queued', { due: at(5_000) });
    const retrying = run('r2', 'retrying', { nextAttemptAt: at(7_000) });
    expect(
      mended(['r1', 'r2'], [jittered, retrying], 2).go.map(({ waitsUntilMs }) => waitsUntilMs - NOW),
    ).toEqual([5_000, 7_000]);
  });

  it('lets a run that circumstances keep from starting wait for its next try, and one that runs for nothing', () => {
    const waiting = run('r1', 'preparing', { nextAttemptAt: at(300_000) });
    const running = run('r2', 'running', { nextAttemptAt: at(-5_000), due: at(-9_000) });
    const waits = mended(['r1', 'r2'], [waiting, running]).go.map(({ waitsUntilMs }) => waitsUntilMs);
    expect(waits).toEqual([NOW + 300_000, 0]);
  });

  it('wakes a run that was to be cancelled and waits, once whoever asked has had time to do so', () => {
    const asked = (ms: number) => ({ cancel: { at: at(-ms) }, nextAttemptAt: at(3_600_000) });
    const urgent = (cancelled: LinedRun) => mended(['r1'], [cancelled]).go.map(({ isUrgent }) => isUrgent);
    expect(urgent(run('r1', 'retrying', asked(6_000)))).toEqual([true]);
    expect(urgent(run('r1', 'retrying', asked(1_000)))).toEqual([false]);
    // Who watches a container sees the wish by himself.
    expect(urgent(run('r1', 'running', asked(6_000)))).toEqual([false]);
  });

  it('has a job for whatever is at work or to be cancelled, wherever it stands', () => {
    const cancelled = run('r1', 'queued', { cancel: { at: at(0) }, due: at(5_000) });
    const repair = mended(['r3', 'r2', 'r1'], [run('r3', 'running'), run('r2', 'preparing'), cancelled]);
    expect(goes(repair)).toEqual(['r3', 'r2', 'r1']);
    expect(repair.go.at(-1)).toMatchObject({ rank: 2, waitsUntilMs: 0 });
  });
});

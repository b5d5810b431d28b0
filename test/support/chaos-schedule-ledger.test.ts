import { describe, expect, it } from 'vitest';
import { runIdOf } from '../../model/runs.ts';
import {
  checkLedger,
  findingsOf,
  type LedgerInput,
  type LedgerRecord,
  type LedgerSchedule,
  type RunHistory,
} from './chaos-schedule-ledger.ts';

const FROM_MS = Date.parse('2026-11-24T10:00:00.500Z');
const even: LedgerSchedule = { id: 'even', cron: '*/2 * * * * *', zone: 'UTC', max: 1 };
const odd: LedgerSchedule = { id: 'odd', cron: '1-59/2 * * * * *', zone: 'UTC', max: 1 };

const at = (second: number): Date => new Date(Date.parse('2026-11-24T10:00:00Z') + second * 1000);

function record(scheduleId: string, second: number, over: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    _id: runIdOf(scheduleId, at(second)),
    scheduleId,
    kind: 'tick',
    nominal: at(second),
    state: 'succeeded',
    reason: 'It ended with 0.',
    startedAt: at(second),
    attempts: [],
    ...over,
  };
}

function ran(
  scheduleId: string,
  second: number,
  options: { fromMs?: number; forMs?: number; exitCode?: number; containerId?: string } = {},
): RunHistory[] {
  const { fromMs = 5, forMs = 300, exitCode = 0 } = options;
  const runId = runIdOf(scheduleId, at(second));
  const containerId = options.containerId ?? `container of ${runId}`;
  const startedMs = at(second).getTime() + fromMs;
  const base = { scheduleId, runId, containerId };
  return [
    { ...base, type: 'started', atMs: startedMs },
    { ...base, type: 'ended', atMs: startedMs + forMs, exitCode },
  ];
}

const inOrder = (history: readonly RunHistory[]): RunHistory[] => history.toSorted((a, b) => a.atMs - b.atMs);

/** Ten seconds in which everything went well. */
function well(): LedgerInput & { records: LedgerRecord[]; history: RunHistory[] } {
  const seconds = { even: [2, 4, 6, 8, 10], odd: [1, 3, 5, 7, 9] };
  const all = Object.entries(seconds).flatMap(([id, list]) => list.map((second) => [id, second] as const));
  return {
    schedules: [even, odd],
    records: all.map(([id, second]) => record(id, second)),
    history: inOrder(all.flatMap(([id, second]) => ran(id, second))),
    fromMs: FROM_MS,
    untilMs: at(10).getTime(),
  };
}

function found(change: (input: ReturnType<typeof well>) => void): string[] {
  const input = well();
  change(input);
  return findingsOf(checkLedger({ ...input, history: inOrder(input.history) }));
}

const of = (input: ReturnType<typeof well>, id: string, second: number): LedgerRecord => {
  const one = input.records.find(({ _id }) => _id === runIdOf(id, at(second)));
  if (one === undefined) throw new Error('There is no such record');
  return one;
};

describe('the check of the ledger', () => {
  it('finds nothing where all is well, and counts what was due and what became of it', () => {
    const report = checkLedger(well());
    expect(findingsOf(report)).toEqual([]);
    expect(report).toMatchObject({ due: 10, starts: 10, records: { succeeded: 10 } });
  });

  it('counts why others did not succeed, whatever their times and ids', () => {
    const input = well();
    const because = (second: number, reason: string): void =>
      void Object.assign(of(input, 'even', second), { state: 'skipped', reason });
    because(4, 'Skipped: the run of 10:00:02 UTC is not over');
    because(6, 'Skipped: the run of 10:00:03 UTC is not over');
    expect(checkLedger(input).reasons).toEqual({ 'skipped: Skipped: the run of … UTC': 2 });
  });

  it('does not ask for nominal times outside the span, and begins right after its start', () => {
    const input = well();
    input.records.push(record('even', 12), record('even', 0));
    input.history.push(...ran('even', 12), ...ran('even', 0));
    expect(findingsOf(checkLedger({ ...input, history: inOrder(input.history) }))).toEqual([]);
    expect(checkLedger({ ...input, fromMs: at(0).getTime() }).due).toBe(10);
    expect(checkLedger({ ...input, fromMs: at(0).getTime() - 1 }).due).toBe(11);
  });

  it('finds a lost tick', () => {
    expect(
      found((input) => {
        input.records = input.records.filter(({ _id }) => _id !== runIdOf('odd', at(5)));
        input.history = input.history.filter(({ runId }) => runId !== runIdOf('odd', at(5)));
      }),
    ).toEqual(['lost: odd 2026-11-24T10:00:05.000Z']);
  });

  it('finds a doubled tick, also outside the span', () => {
    expect(
      found((input) => {
        input.records.push(record('even', 4, { _id: 'even@again', state: 'skipped' }));
        input.records.push(record('even', 12, { state: 'skipped' }));
        input.records.push(record('even', 12, { _id: 'even@again too', state: 'skipped' }));
      }),
    ).toEqual([
      'doubled: even 2026-11-24T10:00:04.000Z: 2 records',
      'doubled: even 2026-11-24T10:00:12.000Z: 2 records',
    ]);
  });

  it('finds a tick at a time at which nothing was due', () => {
    expect(found((input) => void input.records.push(record('odd', 6, { state: 'skipped' })))).toEqual([
      'invented: odd 2026-11-24T10:00:06.000Z',
    ]);
  });

  it('does not take a manual run for a tick', () => {
    expect(
      found((input) => {
        input.records.push(record('even', 5, { _id: 'even@now-1', kind: 'manual', state: 'cancelled' }));
      }),
    ).toEqual([]);
  });

  it('finds two runs of a schedule that overlap, and allows as many as the schedule does', () => {
    const late = (input: ReturnType<typeof well>): void => {
      input.history = input.history.filter(({ runId }) => runId !== runIdOf('even', at(4)));
      input.history.push(...ran('even', 4, { forMs: 2_500 }));
    };
    expect(found(late)).toEqual([
      `overlaps: ${runIdOf('even', at(4))} and ${runIdOf('even', at(6))} at 2026-11-24T10:00:06.005Z`,
    ]);
    expect(
      found((input) => {
        late(input);
        input.schedules = [{ ...even, max: 2 }, odd];
      }),
    ).toEqual([]);
  });

  it('goes by the order of the engine, not by its clock', () => {
    const input = well();
    const moment = at(6).getTime();
    const history = input.history.filter(({ scheduleId }) => scheduleId !== 'even');
    const [firstStart, firstEnd] = ran('even', 4);
    const [secondStart, secondEnd] = ran('even', 6);
    if (!firstStart || !firstEnd || !secondStart || !secondEnd) throw new Error('unreachable');
    const same = [
      { ...firstStart, atMs: moment },
      { ...secondStart, atMs: moment },
      { ...firstEnd, atMs: moment },
      { ...secondEnd, atMs: moment },
    ];
    expect(checkLedger({ ...input, history: [...history, ...same] }).overlaps).toHaveLength(1);
    const [a, b, c, d] = same;
    if (!a || !b || !c || !d) throw new Error('unreachable');
    expect(checkLedger({ ...input, history: [...history, a, c, b, d] }).overlaps).toEqual([]);
  });

  it('finds a run that was executed twice', () => {
    const again = (input: ReturnType<typeof well>): void =>
      void input.history.push(...ran('even', 4, { fromMs: 800, containerId: 'another' }));
    const id = runIdOf('even', at(4));
    expect(found(again)).toEqual([
      `executedTwice: ${id} was started 2 times, recorded are 1`,
      `executedTwice: ${id} was started again after its success`,
    ]);
  });

  it('finds a container that was started again', () => {
    expect(found((input) => void input.history.push(...ran('even', 4, { fromMs: 800 })))).toContain(
      `executedTwice: ${runIdOf('even', at(4))}: a container of it was started again`,
    );
  });

  it('allows the attempts that are on record, but none after a success', () => {
    const retried = (firstExit: number) => (input: ReturnType<typeof well>) => {
      Object.assign(of(input, 'even', 4), { attempts: [{ startedAt: at(4) }] });
      input.history = input.history.filter(({ runId }) => runId !== runIdOf('even', at(4)));
      input.history.push(
        ...ran('even', 4, { exitCode: firstExit, containerId: 'first' }),
        ...ran('even', 4, { fromMs: 800, containerId: 'second' }),
      );
    };
    expect(found(retried(1))).toEqual([]);
    expect(found(retried(0))).toEqual([
      `executedTwice: ${runIdOf('even', at(4))} was started again after its success`,
    ]);
    // An attempt that never came to its start does not excuse a second one.
    expect(
      found((input) => {
        retried(1)(input);
        Object.assign(of(input, 'even', 4), { attempts: [{}] });
      }),
    ).toEqual([`executedTwice: ${runIdOf('even', at(4))} was started 2 times, recorded are 1`]);
  });

  it('finds a container that has no record', () => {
    expect(found((input) => void input.history.push(...ran('odd', 11)))).toEqual([
      `unrecorded: ${runIdOf('odd', at(11))} ran and has no record`,
    ]);
  });

  it('finds records that are not over', () => {
    expect(
      found((input) => void Object.assign(of(input, 'odd', 3), { state: 'running', reason: 'It runs.' })),
    ).toEqual([`open: ${runIdOf('odd', at(3))} is running: It runs.`]);
  });

  it('finds records that say something else than the engine saw', () => {
    const says = (second: number, state: 'skipped' | 'failed') => (input: ReturnType<typeof well>) =>
      void Object.assign(of(input, 'odd', second), { state });
    expect(found(says(3, 'skipped'))).toEqual([
      `untrue: ${runIdOf('odd', at(3))} is recorded as skipped, and ran`,
    ]);
    expect(found(says(3, 'failed'))).toEqual([
      `untrue: ${runIdOf('odd', at(3))} is recorded as failed, and ended with 0`,
    ]);
    expect(
      found((input) => {
        input.history = input.history.filter(({ runId }) => runId !== runIdOf('odd', at(3)));
      }),
    ).toEqual([`untrue: ${runIdOf('odd', at(3))} is recorded as succeeded, and the engine saw no end of it`]);
  });

  it('counts in the zone of the schedule', () => {
    const daily: LedgerSchedule = { id: 'daily', cron: '30 2 * * *', zone: 'Europe/Berlin', max: 1 };
    const { lost } = checkLedger({
      schedules: [daily],
      records: [],
      history: [],
      fromMs: Date.parse('2026-07-01T00:00:00Z'),
      untilMs: Date.parse('2026-07-02T00:00:00Z'),
    });
    expect(lost).toEqual(['daily 2026-07-01T00:30:00.000Z']);
  });
});

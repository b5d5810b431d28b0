import { Long } from 'mongodb';
import { describe, expect, it } from 'vitest';
import type { Sighting, Verdict } from './decide.ts';
import { nextTimeWrite } from './next-time.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const NEXT = new Date(NOW + 60_000);
const begin: Verdict = { kind: 'begin', reason: 'x', timing: 't', zone: 'UTC', fromMs: NOW };
const leave: Verdict = { kind: 'leave' };
const sighting = (said: number | undefined, nextAt?: Date): Sighting => ({
  id: 's',
  document: { id: 's', ...(said === undefined ? {} : { next_execution_time: said }) },
  status: {
    _id: 's',
    phase: 'active',
    reason: 'x',
    line: [],
    ...(nextAt === undefined ? {} : { nextAt }),
  },
  openRuns: [],
});
const write = (seen: Sighting, verdict: Verdict, beginsAt?: Date) =>
  nextTimeWrite(seen, verdict, beginsAt, NOW);

describe('nextTimeWrite', () => {
  it('announces the first time of a schedule that begins, as int64', () => {
    expect(write(sighting(undefined), begin, NEXT)).toEqual([
      {
        updateOne: {
          filter: { id: 's', next_execution_time: { $exists: false } },
          update: { $set: { next_execution_time: Long.fromNumber(NEXT.getTime() / 1000) } },
        },
      },
    ]);
  });

  it('says nothing where the document says it already, or where what is due is being handled', () => {
    expect(write(sighting(NEXT.getTime() / 1000, NEXT), leave)).toEqual([]);
    expect(write(sighting(1, new Date(NOW)), leave)).toEqual([]);
    expect(write(sighting(1, NEXT), { kind: 'wait' })).toEqual([]);
  });

  it('mends an announcement that was lost, unless another came meanwhile', () => {
    expect(write(sighting(7, NEXT), leave)).toMatchObject([
      { updateOne: { filter: { id: 's', next_execution_time: 7 } } },
    ]);
  });

  it('takes it back from a schedule that does not tick', () => {
    const stop: Verdict = { kind: 'stop', phase: 'disabled', reason: 'x' };
    const taken = [
      {
        updateOne: {
          filter: { id: 's', next_execution_time: 7 },
          update: { $unset: { next_execution_time: true } },
        },
      },
    ];
    expect(write(sighting(7, NEXT), stop)).toEqual(taken);
    const seen = sighting(7);
    const disabled = { ...seen, status: { ...seen.status!, phase: 'disabled' as const } };
    expect(write(disabled, leave)).toEqual(taken);
    expect(write(sighting(undefined), stop)).toEqual([]);
  });

  it('writes no document where there is none', () => {
    expect(write({ id: 's', openRuns: [] }, { kind: 'forget' })).toEqual([]);
  });
});

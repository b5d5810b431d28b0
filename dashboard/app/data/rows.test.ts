import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { BotPhase, BotSchema } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { chosenRows, rowOf, summarise, type RowQuery } from './rows.ts';

const bot = (id: string, phase: BotPhase, at: number, rest: Record<string, unknown> = {}) =>
  rowOf(create(BotSchema, { id, phase, since: timestampFromMs(at), ...rest }));

const ROWS = [
  bot('b', BotPhase.RUNNING, 1_000, { name: 'Momentum BTC', restarts: 3, type: 'realtime/momentum' }),
  bot('a', BotPhase.FAILED, 5_000, { name: 'grid eth', restarts: 9, reason: 'It crashed with exit code 1' }),
  bot('d', BotPhase.BACKING_OFF, 3_000, { restarts: 1 }),
  bot('c', BotPhase.HELD, 2_000, { name: 'Alpha', restarts: 0 }),
];
const ALL: RowQuery = { text: '', phases: new Set(), sort: 'trouble', reversed: false };
const ids = (query: Partial<RowQuery>) => chosenRows(ROWS, { ...ALL, ...query }).map(({ id }) => id);

describe('the rows of the table', () => {
  it('come trouble first', () => expect(ids({})).toEqual(['a', 'd', 'b', 'c']));
  it('are named after the id where they have no name', () =>
    expect(ids({ sort: 'name' })).toEqual(['c', 'd', 'a', 'b']));
  it('are ordered the other way', () =>
    expect(ids({ sort: 'restarts', reversed: true })).toEqual(['c', 'd', 'b', 'a']));
  it('are found by every word, in any case, wherever it stands', () => {
    expect(ids({ text: 'BTC momentum' })).toEqual(['b']);
    expect(ids({ text: 'exit code' })).toEqual(['a']);
    expect(ids({ text: 'btc eth' })).toEqual([]);
  });
  it('are those of a phase', () =>
    expect(ids({ phases: new Set([BotPhase.HELD, BotPhase.RUNNING]) })).toEqual(['b', 'c']));
});

describe('the fleet at a glance', () => {
  const { counts, changed, changedCount, needing, needingCount } = summarise(ROWS, 2_500, 1);
  it('counts by phase', () => expect(counts.get(BotPhase.RUNNING)).toBe(1));
  it('knows what changed, newest first, and how much more there is', () => {
    expect(changed.map(({ id }) => id)).toEqual(['a']);
    expect(changedCount).toBe(2);
  });
  it('knows what needs someone, the worst first', () => {
    expect(needing.map(({ id }) => id)).toEqual(['a']);
    expect(needingCount).toBe(2);
  });
});

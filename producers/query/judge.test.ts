import { describe, expect, it } from 'vitest';
import type { QueryContainerDocument } from '../../infra/mongo/collections.ts';
import { SINGLE_SHOT_BELIEVED_MS } from '../../model/queries.ts';
import { judge, type Seen } from './judge.ts';

const NOW = 1_000_000_000;
const seen: Seen = { wanted: 'f', server: undefined, since: undefined, nowMs: NOW };
const record = (over: Partial<QueryContainerDocument> = {}): QueryContainerDocument => ({
  _id: 'b',
  state: 'ready',
  fingerprint: 'f',
  revision: 3,
  containerId: 'c1',
  address: '198.18.0.2:9476',
  usedAt: new Date(NOW),
  updatedAt: new Date(NOW),
  ...over,
});
const kind = (over: Partial<QueryContainerDocument>, how: Partial<Seen> = {}): string =>
  judge(record(over), { ...seen, ...how }).kind;

describe('judge', () => {
  it('asks a container that is ready, and knows whether it was heard of', () => {
    expect(judge(record({ listening: 'c1' }), seen)).toEqual({
      kind: 'ask',
      address: '198.18.0.2:9476',
      containerId: 'c1',
      heard: true,
    });
    expect(judge(record({ listening: 'c0' }), seen)).toMatchObject({ kind: 'ask', heard: false });
  });

  it('has another one made for a bot that changed, and for one that is gone or hangs', () => {
    expect(judge(undefined, seen)).toEqual({ kind: 'prepare' });
    for (const over of [
      { fingerprint: 'old' },
      { broken: 'c1' },
      { silent: 'c1' },
      { state: 'preparing' as const },
    ])
      expect(kind(over), JSON.stringify(over)).toBe('prepare');
    expect(kind({ broken: 'c0' })).toBe('ask');
    // The processor read the bot after us: what it made is newer, not older.
    expect(kind({ fingerprint: 'newer' }, { since: 2 })).toBe('ask');
  });

  it('asks only what is in its reach', () => {
    expect(kind({}, { server: 's1' })).toBe('prepare');
    expect(kind({ joined: ['s0'] }, { server: 's1' })).toBe('prepare');
    expect(kind({ joined: ['s0', 's1'] }, { server: 's1' })).toBe('ask');
    expect(kind({ joined: ['s0'] })).toBe('prepare');
  });

  it('believes that a program does not serve, for a while', () => {
    const updatedAt = new Date(NOW - SINGLE_SHOT_BELIEVED_MS);
    expect(kind({ state: 'single-shot' })).toBe('single');
    expect(kind({ state: 'single-shot', updatedAt })).toBe('prepare');
    expect(kind({ state: 'single-shot', updatedAt }, { since: 2 })).toBe('single');
  });

  it('tells a failure that answers what was asked, or is of this moment, and tries again after any other', () => {
    const problem = { reason: 'no code', status: 500 };
    const updatedAt = new Date(NOW - 60_000);
    expect(judge(record({ state: 'failed', problem }), seen)).toEqual({ kind: 'failed', problem });
    expect(kind({ state: 'failed', problem, updatedAt })).toBe('prepare');
    expect(kind({ state: 'failed', problem, updatedAt }, { since: 2 })).toBe('failed');
    expect(kind({ state: 'failed', problem }, { since: 3 })).toBe('prepare');
    expect(judge(record({ state: 'failed' }), seen)).toMatchObject({ problem: { status: 503 } });
  });
});

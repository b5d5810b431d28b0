import { describe, expect, it } from 'vitest';
import { placeOf, prefixesOf } from './keys.ts';

describe('what an object is, by its key', () => {
  it.each([
    ['logs', 'logs/b1/20261124.log', { kind: 'log-day', id: 'b1', endsMs: Date.UTC(2026, 10, 25) }],
    ['logs', 'logs/b1/.tmp-1763954585000', { kind: 'temporary', id: 'b1' }],
    ['logs', 'logs/.tmp-1', { kind: 'temporary', id: undefined }],
    ['logs', 'logs/b1/notes.txt', { kind: 'log-other', id: 'b1' }],
    ['logs', 'logs/b1/20261124.log.bak', { kind: 'log-other', id: 'b1' }],
    ['state', 'b1/state.tar.gz', { kind: 'state', id: 'b1' }],
    ['state', '.tmp-conditions-4c3f', { kind: 'temporary', id: undefined }],
    ['state', '.history/b1/20261124T030405Z.tar.gz', { kind: 'earlier-archive', id: 'b1' }],
    ['queries', 'b1/1763954585000-00112233aabbccdd/result.json', { kind: 'query-result', id: 'b1' }],
    ['queries', 'b1/1763954585000/result.json', { kind: 'query-result', id: 'b1' }],
  ] as const)('%s: %s', (bucket, key, place) => {
    expect(placeOf(bucket, key)).toEqual(place);
  });

  it.each([
    ['logs', 'logs/20261124.log'],
    ['logs', 'logs//20261124.log'],
    ['logs', 'logs/../20261124.log'],
    ['logs', 'other/b1/20261124.log'],
    ['logs', 'logs/b1/'],
    ['state', 'state.tar.gz'],
    ['state', '/state.tar.gz'],
    ['state', '.history/state.tar.gz'],
    ['state', 'b1/state.tar.gz.part'],
    ['state', 'user/bot/1.0.0'],
    ['state', 'b1/.tmp-1'],
    ['state', '.history/.tmp-1'],
    ['queries', '.tmp-1'],
    ['queries', 'b1/result.json'],
    ['queries', 'b1/report/result.json'],
  ] as const)('%s: %s is nothing of ours', (bucket, key) => {
    expect(placeOf(bucket, key)).toBeUndefined();
  });

  it('finds each of them again under the prefixes of its bot', () => {
    const keys = [
      ['logs', 'logs/b1/20261124.log'],
      ['logs', 'logs/b1/.tmp-1'],
      ['state', 'b1/state.tar.gz'],
      ['state', '.history/b1/1.tar.gz'],
      ['queries', 'b1/1/result.json'],
    ] as const;
    for (const [bucket, key] of keys)
      expect(prefixesOf('b1').some(([kind, prefix]) => kind === bucket && key.startsWith(prefix))).toBe(true);
  });
});

import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { brokenFiles, roundOf } from './state-check.ts';

const whole = (body: string): string => `${createHash('sha256').update(body).digest('hex')} ${body}`;

it('finds files that are cut, mixed or empty, and lets those be that are not in place yet', () => {
  const files = {
    '.the0-state/': '',
    '.the0-state/counter.json': whole('7:xxxx'),
    'large.bin': whole('7:xx yy'),
    'large.tmp': 'half',
  };
  expect(brokenFiles(files)).toEqual([]);
  const cut = { ...files, 'large.bin': whole('7:xxxxxx').slice(0, -2) };
  expect(brokenFiles(cut)).toEqual([expect.stringContaining('large.bin')]);
  expect(brokenFiles({ ...files, 'short-1': '' })).toEqual([expect.stringContaining('short-1')]);
  expect(brokenFiles({ 'short-1': whole('8:xx').replace('8:', '9:') })).toHaveLength(1);
});

it('knows how far the bot was', () => {
  expect(roundOf({ round: whole('12:') })).toBe(12);
  expect(roundOf({})).toBe(0);
});

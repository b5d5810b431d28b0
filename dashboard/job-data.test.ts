import { expect, it } from 'vitest';
import { shownData, shownResult } from './job-data.ts';

it('shows who and why, and of all else the name alone', () => {
  expect(shownData({ botId: 'b', cause: 'created' })).toEqual({ botId: 'b', cause: 'created' });
  const shown = shownData({ botId: 'b', apiKey: 'canary', config: { password: 'canary' } });
  expect(shown).toEqual({ botId: 'b', hidden: ['apiKey', 'config'] });
  expect(JSON.stringify(shown)).not.toContain('canary');
});

it.each([null, undefined, 'canary', 7])('shows nothing of %j', (data) => {
  expect(shownData(data)).toEqual({});
});

it('shows what a sweep found, and nobody else’s result', () => {
  expect(shownResult('engine-sweep', { containers: 2 })).toEqual({ containers: 2 });
  expect(shownResult('query', { balance: 'canary' })).toBeNull();
});

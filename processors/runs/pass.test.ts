import { expect, it } from 'vitest';
import { again } from './pass.ts';

it('a job waits out its delay, and looks at its run every 10 minutes', () => {
  expect(again(59_000.2)).toEqual({ kind: 'again', afterMs: 59_001 });
  expect(again(3_600_000, 'deferred')).toEqual({ kind: 'again', afterMs: 600_000, outcome: 'deferred' });
});

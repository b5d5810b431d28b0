import { describe, expect, it } from 'vitest';
import type { Run } from '../../../model/runs.ts';
import { runView } from './view.ts';

const now = new Date('2026-11-24T12:00:00Z');
const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

const run = (over: Partial<Run> = {}): Run => ({
  _id: 's@20261124T115900Z',
  scheduleId: 's',
  kind: 'tick',
  nominal: before(60),
  due: before(60),
  state: 'succeeded',
  reason: 'It succeeded after 2 s.',
  cause: 'tick',
  createdAt: before(60),
  updatedAt: before(57),
  startedAt: before(59),
  endedAt: before(57),
  attempt: 1,
  exitCode: 0,
  attempts: [],
  ...over,
});

describe('runView', () => {
  it('names what was overridden, and none of its values', () => {
    const request = { id: 'r1', who: 'ann', why: 'test', configOverride: { apiKey: 'canary' } };
    const view = runView(run({ kind: 'manual', request }));
    expect(view.request).toEqual({ id: 'r1', who: 'ann', why: 'test', overridden: ['apiKey'] });
    expect(JSON.stringify(view)).not.toContain('canary');
  });

  it('has nulls for what is not known', () => {
    const view = runView({
      _id: 's@1',
      scheduleId: 's',
      kind: 'tick',
      nominal: now,
      due: now,
      state: 'queued',
      reason: 'It waits.',
      cause: 'tick',
      createdAt: now,
      updatedAt: now,
      attempt: 0,
    });
    expect(view).toMatchObject({ started: null, ended: null, exitCode: null, cancel: null, request: null });
  });
});

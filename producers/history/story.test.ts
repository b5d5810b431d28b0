import { expect, it } from 'vitest';
import type { SeenChange } from './changes.ts';
import { storyOf } from './story.ts';

const at = new Date(0);
const change = (collection: string, more: Partial<SeenChange>): SeenChange => ({
  token: '82AA',
  at,
  collection,
  operation: 'update',
  id: 'bot',
  fields: {},
  ...more,
});

it.each<[string, SeenChange, string, object | undefined]>([
  [
    'a phase',
    change('bot_status', { fields: { phase: 'running', reason: 'It runs.' } }),
    'starting',
    { kind: 'phase', subject: 'bot', before: 'starting', after: 'running', text: 'It runs.', story: ['bot'] },
  ],
  [
    'a phase whose reason stays',
    change('schedule_status', { fields: { phase: 'active' } }),
    '',
    { kind: 'phase', subject: 'schedule', text: 'It is active.' },
  ],
  [
    'the same phase',
    change('bot_status', { operation: 'replace', fields: { phase: 'held' } }),
    'held',
    undefined,
  ],
  [
    'the end of a bot',
    change('bot_status', { operation: 'delete' }),
    'stopping',
    { kind: 'removed', before: 'stopping', after: '' },
  ],
  [
    'a run',
    change('runs', { id: 's@20261124T100000Z', fields: { state: 'failed', reason: 'exit code 1' } }),
    'running',
    { kind: 'run', schedule: 's', story: ['s@20261124T100000Z', 's'], before: 'running', after: 'failed' },
  ],
  [
    'a hold',
    change('holds', { operation: 'insert', fields: { who: 'ann', why: 'incident 7' } }),
    '',
    { kind: 'hold', who: 'ann', after: 'held', text: 'It is held by ann: incident 7' },
  ],
  [
    'a wish',
    change('restarts', { fields: { who: 'ann', why: 'new image' } }),
    '',
    { kind: 'restart', who: 'ann', text: 'ann wished that it be restarted, or tried again: new image' },
  ],
  ['anything else', change('leases', {}), '', undefined],
])('tells of %s', (_what, seen, before, told) => {
  const entry = storyOf(seen, { before });
  if (told === undefined) expect(entry).toBeUndefined();
  else expect(entry).toMatchObject({ _id: '82AA', at, ...told });
});

it('tells who lifted a hold where that is known, and bounds what is said', () => {
  const lifted = change('holds', { operation: 'delete' });
  expect(storyOf(lifted, { before: '', lifter: 'bob' })).toMatchObject({
    who: 'bob',
    text: 'Its hold was lifted by bob.',
  });
  expect(storyOf(lifted, { before: '' })).toMatchObject({ text: 'Its hold was lifted.' });
  expect(storyOf(lifted, { before: '' })).not.toHaveProperty('who');
  const long = change('bot_status', { fields: { phase: 'failed', reason: 'x'.repeat(10_000) } });
  expect(storyOf(long, { before: '' })?.text).toHaveLength(1_000);
});

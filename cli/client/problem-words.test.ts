import { expect, it } from 'vitest';
import { inFlags } from './problem-words.ts';

it.each([
  ['The reason is empty: say why', 'change.reason', '--why: The reason is empty: say why'],
  [
    'cron.text is "61 * * * *": 61 is above 59; correct it',
    'cron.text',
    '--cron is "61 * * * *": 61 is above 59; correct it',
  ],
  [
    'page.size=5000: must be at most 1000; filter.text="x": too long',
    'page.size',
    '--limit=5000: must be at most 1000; --text="x": too long',
  ],
  ['A phase is unspecified: name phases', 'filter.phases[2]', '--phase: A phase is unspecified: name phases'],
  // A word of the sentence that is also a field is left alone.
  ['The span from 1 to 2 is long: ask for less', 'to', '--to: The span from 1 to 2 is long: ask for less'],
  ['to=5: no; from=3: no', 'to', '--to=5: no; --from=3: no'],
  ['There is no queue "x": list the queues', 'queue', 'There is no queue "x": list the queues'],
])('%j about %s', (message, field, told) => {
  expect(inFlags(message, { field })).toBe(told);
});

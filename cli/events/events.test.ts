import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { EventSchema } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { eventLine, eventsTable } from './table.ts';
import { eventView } from './view.ts';

const look = { nowMs: 0, columns: undefined, colour: false };
const view = eventView(
  create(EventSchema, {
    at: timestampFromDate(new Date('2026-11-24T12:00:00.5Z')),
    id: 'b1\u001b[2J',
    kind: 'phase',
    text: 'It crashed.',
    before: 'running',
    after: 'backing-off',
    subject: 'bot',
  }),
);

it('an event is a line, and nobody writes over the terminal by it', () => {
  expect(eventLine(view, look)).toBe('2026-11-24 12:00:00Z b1·[2J backing-off It crashed.');
  expect(eventsTable([view], look).split('\n')[1]).toBe(
    '2026-11-24 12:00:00Z  b1·[2J  phase  backing-off  It crashed.',
  );
});

it('has nulls for what is not known', () => {
  expect(view).toMatchObject({ at: '2026-11-24T12:00:00.500Z', who: null, schedule: null, subject: 'bot' });
});

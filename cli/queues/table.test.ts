import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { QueueSchema } from '../../proto/gen/the0/runtime/v1/queues_pb.js';
import { queuesTable } from './table.ts';
import { queueView } from './view.ts';

const shown = (queue: MessageInitShape<typeof QueueSchema>, colour = false): string[] =>
  queuesTable([queueView(create(QueueSchema, queue))], { nowMs: 0, columns: undefined, colour }).split('\n');

it('shows which queues are paused, and how long the oldest job waits', () => {
  expect(
    shown({ name: 'start', waiting: 3n, workers: 2, oldestWaiting: { seconds: 65n }, paused: true }),
  ).toEqual([
    'QUEUE  WAITING  ACTIVE  DELAYED  FAILED  COMPLETED  WORKERS  PAUSED  OLDEST WAITS',
    'start  3        0       0        0       0          2        yes     1m 5s',
  ]);
  expect(shown({ name: 'start' })[1]).toBe(
    'start  0        0       0        0       0          0        -       -',
  );
});

it('paints what an operator has to see: a queue that is paused before jobs that failed', () => {
  const [yellow, red] = ['\u001B[33m', '\u001B[31m'];
  expect(shown({ name: 'start', failed: 2n, paused: true }, true)[1]).toContain(`${yellow}yes`);
  expect(shown({ name: 'start', failed: 2n }, true)[1]).toContain(`${red}2`);
  expect(shown({ name: 'start' }, true)[1]).not.toContain('\u001B');
});

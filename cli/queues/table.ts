import type { JobState } from '../../producers/control/jobs/view.ts';
import { relative, span } from '../show/relative-time.ts';
import { table, type Colour, type Look, type Row } from '../show/table.ts';
import type { JobView, QueueView } from './view.ts';

const QUEUES = [
  'QUEUE',
  'WAITING',
  'ACTIVE',
  'DELAYED',
  'FAILED',
  'COMPLETED',
  'WORKERS',
  'PAUSED',
  'OLDEST WAITS',
];

export const queuesTable = (views: readonly QueueView[], look: Look): string =>
  table(
    QUEUES,
    views.map((view) => ({
      cells: [
        view.name,
        ...[view.waiting, view.active, view.delayed, view.failed, view.completed, view.workers].map(String),
        view.paused ? 'yes' : '-',
        view.oldestWaitingMs === null ? '-' : span(view.oldestWaitingMs),
      ],
      ...paintedOf(view),
    })),
    look,
  ).join('\n');

/** Of a paused queue nothing else matters. */
function paintedOf({ paused, failed }: QueueView): Pick<Row, 'painted'> {
  if (paused) return { painted: { column: QUEUES.indexOf('PAUSED'), colour: 'yellow' } };
  return failed === 0 ? {} : { painted: { column: QUEUES.indexOf('FAILED'), colour: 'red' } };
}

const COLOURS: Readonly<Record<JobState, Colour>> = {
  waiting: 'cyan',
  active: 'cyan',
  delayed: 'yellow',
  failed: 'red',
  completed: 'green',
};

const JOBS = ['JOB', 'STATE', 'OF', 'ATTEMPTS', 'WHEN', 'WHY'] as const;

export const jobsTable = (views: readonly JobView[], look: Look): string =>
  table(
    JOBS,
    views.map((view) => ({
      cells: [
        view.id,
        view.state,
        view.subject ?? '-',
        String(view.attempts),
        relative(view.endedAt ?? view.startedAt ?? view.dueAt ?? view.createdAt, look.nowMs),
        view.failedReason === null ? view.cause : `${view.failedReason} (${view.cause})`,
      ],
      painted: { column: JOBS.indexOf('STATE'), colour: COLOURS[view.state] },
    })),
    look,
  ).join('\n');

import type { Job } from 'bullmq';
import { inSpan, type SpanFields, type SpanOptions } from '../infra/tracing/tracing.ts';
import { BOT_QUEUES, type QueueName } from '../queues/names.ts';
import type { HandlerResult } from './job-worker.ts';

/** What jobs say of themselves, where they do. */
type Said = { botId?: string; scheduleId?: string; runId?: string; cause?: string; traceparent?: string };

const isOfBots = (queue: QueueName): boolean => BOT_QUEUES.some((name) => name === queue);

/**
 * Handles a job as part of the trace that led to it. Jobs of bots and runs that nothing led to begin one; what is done all the
 * time, for everybody, does not.
 */
export function inJobSpan(
  queue: QueueName,
  job: Job<object>,
  handle: () => Promise<HandlerResult>,
): Promise<HandlerResult> {
  const said: Said = job.data;
  const begins = isOfBots(queue) || queue === 'scheduled-run';
  if (said.traceparent === undefined && !begins) return handle();
  const options: SpanOptions = {
    kind: 'consumer',
    fields: fieldsOf(queue, job),
    ...comesFrom(queue, job, said),
  };
  return inSpan('job', options, async (span) => {
    const result = await handle();
    span?.set({ 'the0.outcome': result.outcome ?? result.kind });
    if (result.kind === 'failed') span?.fail(result.reason, result.outcome);
    return result;
  });
}

/** A bot that waited for the end of a back-off is tried anew: a story of its own, which began where the other one ended. */
function comesFrom(
  queue: QueueName,
  job: Job<object>,
  { traceparent }: Said,
): Pick<SpanOptions, 'parent' | 'link'> {
  const waited = isOfBots(queue) && (job.opts.delay ?? 0) > 0;
  return waited ? { link: traceparent } : { parent: traceparent };
}

function fieldsOf(queue: QueueName, job: Job<object>): SpanFields {
  const { botId, scheduleId, runId, cause }: Said = job.data;
  const dueMs = job.timestamp + (job.opts.delay ?? 0);
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queue,
    'messaging.message.id': job.id,
    'the0.id': botId ?? scheduleId,
    'the0.run': runId,
    'the0.cause': cause,
    'the0.attempt': job.attemptsMade + 1,
    'the0.waited_ms': Math.max(0, (job.processedOn ?? dueMs) - dueMs),
  };
}

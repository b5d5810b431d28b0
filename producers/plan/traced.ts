import type { WishTraces } from '../../infra/mongo/wish-traces.ts';
import { beginSpan, type Span } from '../../infra/tracing/tracing.ts';
import type { Enqueue } from '../../queues/queues.ts';

/**
 * Queues planned jobs, each with a span of its own that goes on from the wish that led to it; a trace begins where nobody left word
 * of a wish: the document was written by somebody else, or something happened to the bot itself. `beganMs`: of the planning.
 */
export async function traced(
  traces: WishTraces | undefined,
  jobs: readonly Enqueue[],
  beganMs: number,
  add: (jobs: readonly Enqueue[]) => Promise<void>,
): Promise<void> {
  if (traces === undefined || jobs.length === 0) return add(jobs);
  const wishes = await traces.of(jobs.map(({ job }) => job.botId));
  const spans: Span[] = [];
  const carrying = jobs.map((item) => {
    const { queue, job, delayMs = 0 } = item;
    const span = beginSpan('plan', {
      kind: 'producer',
      parent: wishes.get(job.botId),
      startMs: beganMs,
      fields: {
        'the0.id': job.botId,
        'the0.cause': job.cause,
        'messaging.system': 'bullmq',
        'messaging.destination.name': queue,
        'the0.delay_ms': delayMs > 0 ? delayMs : undefined,
      },
    });
    if (span === undefined) return item;
    spans.push(span);
    return { ...item, job: { ...job, traceparent: span.traceparent } };
  });
  try {
    await add(carrying);
    traces.told(wishes);
  } finally {
    for (const span of spans) span.end();
  }
}

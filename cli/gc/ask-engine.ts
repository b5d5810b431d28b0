import { setTimeout as sleep } from 'node:timers/promises';
import type { GcFindings } from '../../model/gc-report.ts';
import type { DataQueues } from '../../queues/data-queues.ts';
import { messageOf } from '../../infra/message-of.ts';
import { withDataQueues } from '../data-queues.ts';
import type { Target } from '../target.ts';

const LOOK_EVERY_MS = 200;
/** Its containers are stopped in order, and their output is saved: that takes its time. */
const SWEPT_WITHIN_MS = 120_000;

/** What a processor found on the engine; or why there is no answer. */
export type EngineAnswer = { findings: GcFindings } | { problem: string };

/** `confirmed`: ids that a person has let go, whatever share of all they are. */
export type EngineRequest = { dryRun: boolean; confirmed?: readonly string[] };

/** Has a processor sweep the engine, which only processors reach. Never throws: storage is swept whether or not one answers. */
export async function askEngine(target: Target, request: EngineRequest): Promise<EngineAnswer> {
  try {
    return await withDataQueues(target, (queues) => answerOf(queues, request));
  } catch (error) {
    return { problem: `The engine cannot be asked for a sweep: ${messageOf(error)}` };
  }
}

async function answerOf(queues: DataQueues, { dryRun, confirmed }: EngineRequest): Promise<EngineAnswer> {
  const queue = queues.byName['engine-sweep'];
  if ((await queue.getWorkersCount()) === 0)
    return { problem: 'No processor runs that sweeps the engine: what lies there was not looked at' };
  const id = await queues.sweep({
    cause: 'asked for by a person',
    dryRun,
    ...(confirmed === undefined ? {} : { confirmed: [...confirmed] }),
  });
  const deadline = performance.now() + SWEPT_WITHIN_MS;
  while (performance.now() < deadline) {
    // In this order: a job that was read before it ended has no answer.
    const state = id === undefined ? 'unknown' : await queue.getJobState(id);
    const job = id === undefined ? undefined : await queue.getJob(id);
    if (job === undefined) break;
    if (state === 'completed') return { findings: JSON.parse(String(job.returnvalue)) as GcFindings };
    if (state === 'failed') return { problem: `The engine was not swept: ${job.failedReason}` };
    await sleep(LOOK_EVERY_MS);
  }
  return { problem: 'The sweep of the engine was asked for, and no answer came in time' };
}

import type { Job, Queue } from 'bullmq';
import { FailedPrecondition, NotFound } from '../errors.ts';
import { queueOf, type JobDeps } from './queues.ts';
import { jobView, type JobState, type JobView } from './view.ts';

export type JobRequest = { queue: string; id: string };

/**
 * A failed job is tried again at once.
 * @throws NotFound, FailedPrecondition where it has not failed, or somebody else was quicker
 */
export async function retryJob(deps: JobDeps, request: JobRequest): Promise<JobView> {
  const { queue, job } = await find(deps, request);
  try {
    await job.retry('failed');
  } catch (error) {
    if (!hasCode(error, NOT_IN_STATE, NOT_THERE)) throw error;
    throw await refusal(queue, request.id, {
      code: 'job_not_failed',
      cure: 'only a failed job is tried again; list the jobs of the queue',
    });
  }
  // Taken already, most likely.
  return jobView(queue, job, (await stateOf(queue, request.id)) ?? 'waiting');
}

/**
 * Takes a job away. What it was for is looked at again at the next resync, or when it is asked for anew.
 * @throws NotFound, FailedPrecondition where it is at work, or is the next alarm of a schedule
 */
export async function removeJob(deps: JobDeps, request: JobRequest): Promise<void> {
  const { queue, job } = await find(deps, request);
  // One whose processor has died is at work too: another takes it over.
  if ((await stateOf(queue, request.id)) === 'active')
    throw await refusal(queue, request.id, { code: 'job_active', cure: WAIT });
  try {
    await job.remove();
  } catch (error) {
    if (hasCode(error, OF_A_SCHEDULER))
      throw new FailedPrecondition(
        'job_is_alarm',
        'id',
        `The job ${JSON.stringify(request.id)} is the next alarm of its schedule`,
        'pause the schedule instead',
      );
    if (!(error instanceof Error) || !error.message.includes('locked by another worker')) throw error;
    throw await refusal(queue, request.id, { code: 'job_active', cure: WAIT });
  }
}

const WAIT = 'wait until it has ended; only what is not at work can be removed';

/** BullMQ's `ErrorCode`s. */
const [NOT_THERE, NOT_IN_STATE, OF_A_SCHEDULER] = [-1, -3, -8];

const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  codes.includes((error as { code?: unknown } | null)?.code as number);

/** @throws NotFound */
async function find(deps: JobDeps, { queue: name, id }: JobRequest): Promise<{ queue: Queue; job: Job }> {
  const queue = queueOf(await deps.queues(), name);
  const job = await queue.getJob(id);
  if (job === undefined) throw new NotFound('job', id, 'id');
  return { queue, job };
}

async function refusal(
  queue: Queue,
  id: string,
  { code, cure }: { code: string; cure: string },
): Promise<FailedPrecondition | NotFound> {
  const state = await stateOf(queue, id);
  if (state === undefined) return new NotFound('job', id, 'id');
  return new FailedPrecondition(code, 'id', `The job ${JSON.stringify(id)} is ${state}`, cure);
}

/** Undefined: it is not there any more. */
async function stateOf(queue: Queue, id: string): Promise<JobState | undefined> {
  const state = await queue.getJobState(id);
  if (state === 'unknown') return undefined;
  return state === 'prioritized' || state === 'waiting-children' ? 'waiting' : state;
}

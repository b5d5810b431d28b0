import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { JobState, type JobSchema, type QueueService } from '../../../proto/gen/the0/runtime/v1/queues_pb.js';
import { removeJob, retryJob } from '../jobs/act.ts';
import { pageOfJobs } from '../jobs/page.ts';
import { listQueues, type JobDeps } from '../jobs/queues.ts';
import { JOB_STATES, type JobView } from '../jobs/view.ts';
import { lasting, stamp, wordsOf } from './wire.ts';

const jobStates = wordsOf(JOB_STATES, JobState);

export function queueService(deps: JobDeps): ServiceImpl<typeof QueueService> {
  return {
    listQueues: async () => ({
      queues: (await listQueues(deps)).map(
        ({ name, waiting, active, delayed, failed, completed, oldestWaitingMs, workers, paused }) => ({
          name,
          waiting: BigInt(waiting),
          active: BigInt(active),
          delayed: BigInt(delayed),
          failed: BigInt(failed),
          completed: BigInt(completed),
          oldestWaiting: lasting(oldestWaitingMs),
          workers,
          paused,
        }),
      ),
    }),

    listJobs: async ({ queue, state, page }) => {
      // Validated: it is one of them.
      const [wanted = 'waiting'] = jobStates.words([state]);
      const { jobs, nextToken } = await pageOfJobs(deps, { queue, state: wanted }, page ?? {});
      return { jobs: jobs.map(jobMessage), nextToken };
    },

    retryJob: async ({ queue, id }) => ({ job: jobMessage(await retryJob(deps, { queue, id })) }),

    removeJob: async ({ queue, id }) => {
      await removeJob(deps, { queue, id });
      return {};
    },
  };
}

const jobMessage = (view: JobView): MessageInitShape<typeof JobSchema> => ({
  id: view.id,
  queue: view.queue,
  state: jobStates.value(view.state),
  subject: view.subject ?? '',
  cause: view.cause,
  attempts: view.attempts,
  createdAt: stamp(view.createdAt),
  dueAt: stamp(view.dueAt),
  startedAt: stamp(view.startedAt),
  endedAt: stamp(view.endedAt),
  failedReason: view.failedReason,
});

import { z } from 'zod';
import { pageSize, pageToken, readPageToken, type PageKey } from '../page-token.ts';
import { placesOf } from './places.ts';
import { queueOf, type JobDeps } from './queues.ts';
import { jobView, type JobState, type JobView } from './view.ts';

export type PageOfJobs = { jobs: JobView[]; nextToken: string };

const SCORED: z.ZodType<PageKey> = z.tuple([z.number(), z.string()]);
const KEYS: Readonly<Record<JobState, z.ZodType<PageKey>>> = {
  waiting: z.tuple([z.number().nullable(), z.string()]),
  active: SCORED,
  delayed: SCORED,
  failed: SCORED,
  completed: SCORED,
};

/**
 * A page of the jobs of a queue that are in one state.
 * @throws NotFound for a queue that there is not, InvalidRequest for a page token of another query
 */
export async function pageOfJobs(
  deps: JobDeps,
  { queue: name, state }: { queue: string; state: JobState },
  page: { size?: number | undefined; token?: string | undefined },
): Promise<PageOfJobs> {
  const query = { list: 'jobs', queue: name, state };
  const size = pageSize(page.size);
  const after = readPageToken(query, page.token, KEYS[state]);
  const open = await deps.queues();
  const queue = queueOf(open, name);
  const places = await placesOf[state](open.redis, queue, { after, limit: size + 1 });
  const shown = places.slice(0, size);
  const jobs = await Promise.all(
    shown.map(async ({ id, dueAtMs }) => {
      const job = await queue.getJob(id);
      // Gone since.
      return job === undefined ? [] : [jobView(queue, job, state, dueAtMs)];
    }),
  );
  const last = shown.at(-1);
  return {
    jobs: jobs.flat(),
    nextToken: places.length > size && last !== undefined ? pageToken(query, last.key) : '',
  };
}

import { appRoutes } from '@bull-board/api/dist/routes.js';
import { expect, it } from 'vitest';
import { boardAct } from './board-acts.ts';

it('knows all that Bull Board can change, and leaves out what is nobody’s to do', () => {
  const changing = appRoutes.api.flatMap(({ method, route }) =>
    [method]
      .flat()
      .filter((each) => each !== 'get')
      .flatMap((each) => [route].flat().map((path) => [each.toUpperCase(), path] as const)),
  );
  const acts = changing.map(([method, route]) => {
    const path = route.replace(/:\w+/g, (name) => name.slice(1));
    return `${method} ${route}: ${boardAct(method, path)?.what.replace('BullBoard/', '') ?? 'nobody'}`;
  });
  expect(acts).toEqual([
    'PUT /api/queues/pause: PauseQueues',
    'PUT /api/queues/resume: ResumeQueues',
    'POST /api/queues/:queueName/add: nobody',
    'PUT /api/queues/:queueName/retry/:queueStatus: RetryJobs',
    'PUT /api/queues/:queueName/promote: PromoteJobs',
    'PUT /api/queues/:queueName/clean/:queueStatus: RemoveJobs',
    'PUT /api/queues/:queueName/pause: PauseQueue',
    'PUT /api/queues/:queueName/resume: ResumeQueue',
    'PUT /api/queues/:queueName/concurrency: nobody',
    'PUT /api/queues/:queueName/rate-limit: nobody',
    'PUT /api/queues/:queueName/rate-limit/release: nobody',
    'PUT /api/queues/:queueName/empty: RemoveJobs',
    'PUT /api/queues/:queueName/obliterate: nobody',
    'PUT /api/queues/:queueName/job-schedulers/:schedulerId/remove: nobody',
    'PATCH /api/queues/:queueName/job-schedulers/:schedulerId: nobody',
    'PUT /api/queues/:queueName/job-schedulers/:schedulerId/run: nobody',
    'PUT /api/queues/:queueName/:jobId/retry: RetryJob',
    'PUT /api/queues/:queueName/:jobId/clean: RemoveJob',
    'PUT /api/queues/:queueName/:jobId/promote: PromoteJob',
    'PATCH /api/queues/:queueName/:jobId/update-data: nobody',
    'PATCH /api/queues/:queueName/:jobId/delay: nobody',
    'PATCH /api/queues/:queueName/:jobId/priority: nobody',
    'PUT /api/queues/:queueName/:jobId/remove-unprocessed-children: nobody',
  ]);
});

it.each([
  ['/api/queues/start/7/retry', 'BullBoard/RetryJob', 'start/7'],
  ['/api/queues/start/bot%2F1/clean', 'BullBoard/RemoveJob', 'start/bot/1'],
  ['/api/queues/start/retry/failed', 'BullBoard/RetryJobs', 'start/failed'],
  ['/api/queues/pause', 'BullBoard/PauseQueues', ''],
])('%s is %s of %j', (path, what, target) => {
  expect(boardAct('PUT', path)).toEqual({ what, target });
});

it.each([
  ['PUT', '/api/queues/start/%E0%A4%A/retry'],
  ['PUT', '/API/queues/start/7/retry'],
  ['DELETE', '/api/queues/start/7/retry'],
])('%s %s is nobody’s to do', (method, path) => {
  expect(boardAct(method, path)).toBeUndefined();
});

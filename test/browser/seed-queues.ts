import { Worker } from 'bullmq';
import { connectRedis } from '../../infra/redis.ts';
import { QUEUES } from '../../queues/names.ts';
import { queuePrefix } from '../../queues/queues.ts';
import type { TestDashboard } from '../support/dashboard.ts';
import { until } from '../support/poll.ts';

const FAILING = ['b000005', 'b00002u', 'b00005j'];

/** Without where in these tests it was made: people look at it. */
function failure(): Error {
  const error = new Error('The entry point main.py is not in the archive');
  error.stack = `Error: ${error.message}`;
  return error;
}

/** Workers of all queues, as processors have them, and jobs that failed; the workers are there until it is disposed of. */
export async function seedQueues({ context, connections }: TestDashboard): Promise<AsyncDisposable> {
  const { REDIS_URL, INSTALLATION } = context.settings;
  const connection = connectRedis(REDIS_URL, { role: 'worker', onError: () => undefined });
  const workers = QUEUES.map((name) => {
    const worker = new Worker(
      name,
      () => (name === 'start' ? Promise.reject(failure()) : Promise.resolve()),
      {
        connection,
        prefix: queuePrefix(INSTALLATION),
      },
    );
    worker.on('error', () => undefined);
    return worker;
  });
  const { start } = (await connections.queues()).bots.byName;
  for (const botId of FAILING) await start.add('start', { botId, cause: 'it was created' }, { attempts: 1 });
  await until(async () => (await start.getFailedCount()) === FAILING.length);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.close()));
      connection.disconnect();
    },
  };
}

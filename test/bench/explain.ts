import { UnrecoverableError, Worker } from 'bullmq';
import { connectRedis } from '../../infra/redis.ts';
import type { Phase } from '../../model/status.ts';
import { queuePrefix } from '../../queues/queues.ts';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { clientOf, startTestApi, type TestApi } from '../support/api.ts';
import { seedFleet, type Fleet } from '../support/api-fleet.ts';
import { until } from '../support/poll.ts';
import { percentile, type Bench, type BenchContext, type BenchServers } from './harness/index.ts';

const BOTS = 10_000;
const ASKED = 400;
const WARM_UP = 40;
const PHASES: readonly Phase[] = ['running', 'backing-off', 'failed', 'held'];

export const bench: Bench = {
  name: 'explain',
  goal: `explain one of ${BOTS} bots, whatever it is in, over HTTP by a token, with its jobs among others’: ≤ 150 ms at p99`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis');
    const api = await startTestApi({ environment: servers.environment });
    context.atEnd('the API', () => api.stop());
    const fleet = await seedFleet(api.connections.collections, BOTS);
    await seedJobs(context, servers, { api, fleet });
    const client = clientOf(api, BotService, await api.token('viewer'), 'Connect');

    const runs: number[] = [];
    for (let at = 0; at < WARM_UP + ASKED; at += 1) {
      context.signal.throwIfAborted();
      const ids = fleet.idsOf(PHASES[at % PHASES.length] ?? 'running');
      const id = ids[(at * 37) % ids.length] ?? '';
      const beganMs = performance.now();
      const { explanation } = await client.explainBot({ id });
      const tookMs = performance.now() - beganMs;
      if (explanation?.unknown.length !== 0 || explanation.steps.length < 6)
        throw new Error(`${id} is not explained: ${JSON.stringify(explanation?.verdict)}`);
      if (at >= WARM_UP) runs.push(tookMs);
    }
    const p = (share: number): number => percentile(runs, share);
    return [
      { name: 'p99', value: p(0.99), unit: 'ms', runs, limit: { atMost: 150 } },
      { name: 'p50', value: p(0.5), unit: 'ms', runs },
    ];
  },
};

/** Jobs as they would be found: those of bots that wait are delayed, those that failed for good have stayed. */
async function seedJobs(
  context: BenchContext,
  servers: BenchServers,
  { api, fleet }: { api: TestApi; fleet: Fleet },
): Promise<void> {
  const { bots } = await api.connections.queues();
  const cause = 'the bench';
  await bots.add(
    fleet
      .idsOf('failed')
      .map((botId) => ({ queue: 'start' as const, job: { botId, cause }, urgency: 'wish' as const })),
  );
  const connection = connectRedis(servers.redisUrl, { role: 'worker', onError: () => undefined });
  context.atEnd('the connection of the worker', async () => connection.disconnect());
  const worker = new Worker(
    'start',
    async () => {
      throw new UnrecoverableError('the code archive holds no such file');
    },
    { connection, prefix: queuePrefix(servers.installation), concurrency: 50 },
  );
  context.atEnd('the worker', () => worker.close());
  worker.on('error', () => undefined);
  await until(async () => (await bots.byName.start.getFailedCount()) === fleet.idsOf('failed').length, {
    timeoutMs: 60_000,
  });
  await worker.pause();
  await bots.add(
    fleet.idsOf('backing-off').map((botId) => ({
      queue: 'start' as const,
      job: { botId, cause },
      urgency: 'event' as const,
      delayMs: 200_000,
    })),
  );
  context.say(
    `${await bots.byName.start.getFailedCount()} failed jobs, ${await bots.byName.start.getDelayedCount()} delayed ones`,
  );
}

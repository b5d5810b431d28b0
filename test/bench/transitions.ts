import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { createLogger } from '../../infra/logger.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { median, parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';
import { queuePath } from './queue-path.ts';

const BOTS = parameter('TRANSITIONS_BOTS', 10_000);
const RUNS = parameter('TRANSITIONS_ROUNDS', 3);
const GOAL_PER_SECOND = 2_000;
/** The defaults suit Docker, which does less when asked for more at once; the fake engine does not mind. */
const WIDE = { ENGINE_CONCURRENCY: '64', QUEUE_CONCURRENCY: '96' };

type Processes = 'one process' | 'one process, engine apart' | 'two processes, engine apart';

/**
 * Bots per second from the moment they are written until the last one's status says that it runs. `settings` are put to those
 * that the processes have anyway.
 */
export async function transitionsPerSecond(
  context: BenchContext,
  processes: Processes,
  settings: Readonly<Record<string, string>> = {},
): Promise<number> {
  const servers = await context.servers('mongo', 'redis', 's3');
  const filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const mongo = connectMongo(servers.mongoUri, {
    appName: 'bench',
    log: createLogger({ level: 'silent', service: 'bench' }),
  });
  context.atEnd('the connection to MongoDB', () => mongo.close());
  const { bots, status } = collections(mongo.client, servers.databases);

  const engine =
    processes === 'one process'
      ? []
      : ['--engine', (await context.remoteFakeEngine(servers.installation)).url];
  const roles = processes === 'two processes, engine apart' ? ['bot-runner', 'processor'] : ['bot-runner'];
  const children = roles.map((role) =>
    context.node({
      script: 'test/bench/children/role.ts',
      args: ['--role', role, ...engine],
      environment: { ...servers.environment, ...WIDE, ...settings },
    }),
  );
  await Promise.all(children.map((child) => child.line((line) => line.includes('"ready"'))));
  // The first bot fills what is kept between starts: the image's id and the code's volume.
  await bots.insertOne(botDocument(newBotId(), { filePath }));
  await until(async () => (await status.countDocuments({ phase: 'running' })) === 1, { timeoutMs: 30_000 });

  const documents = Array.from({ length: BOTS }, () => botDocument(newBotId(), { filePath }));
  const beganMs = performance.now();
  await bots.insertMany(documents, { ordered: false });
  await until(async () => (await status.countDocuments({ phase: 'running' })) === BOTS + 1, {
    timeoutMs: 240_000,
    everyMs: 250,
  });
  const perSecond = BOTS / ((performance.now() - beganMs) / 1000);
  context.say(`${processes}: ${Math.round(perSecond)} a second`);
  return perSecond;
}

async function repeated(context: BenchContext, processes: Processes): Promise<Figure> {
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run += 1)
    runs.push(await context.within((inner) => transitionsPerSecond(inner, processes)));
  return { name: processes, value: median(runs), unit: 'bots/s', runs };
}

export const bench: Bench = {
  name: 'transitions',
  goal: `${BOTS} bots created at once, status written: 2,000 a second; the queue path alone ≥ 80 % of bare BullMQ`,
  async run(context) {
    const one = await repeated(context, 'one process');
    const apart = await repeated(context, 'one process, engine apart');
    const two = await repeated(context, 'two processes, engine apart');
    const queue = await queuePath(context, await context.servers('redis'));
    return [
      { ...one, limit: { atLeast: GOAL_PER_SECOND } },
      apart,
      { ...two, anchor: { what: apart.name, value: apart.value }, ratio: two.value / apart.value },
      queue,
    ];
  },
};

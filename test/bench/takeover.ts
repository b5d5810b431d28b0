import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { killTrials, randomFrom } from '../support/chaos-kills.ts';
import { watchForDoubles } from '../support/chaos-watch.ts';
import { openWorld } from '../support/chaos-world.ts';
import { percentile, type Bench, type BenchContext, type BenchServers } from './harness/index.ts';

const FAKE_TRIALS = 300;
/** Most of a trial is waiting for locks to lapse, so that some installations can be tried side by side. */
const SIDE_BY_SIDE = 5;
const DOCKER_TRIALS = 30;
const SEED = 20_261_123;
const CODE = {
  'main.py': 'import time\n\ndef main(bot_id, config):\n    while True:\n        time.sleep(1)\n',
};

type Trials = { tookMs: number[]; doubled: number };

/** An installation of its own on the same servers. */
function another(servers: BenchServers, index: number): BenchServers {
  const installation = `${servers.installation}-${index}`;
  const databases = {
    bots: `${servers.databases.bots}_${index}`,
    schedules: `${servers.databases.schedules}_${index}`,
    runtime: `${servers.databases.runtime}_${index}`,
  };
  const environment = {
    ...servers.environment,
    INSTALLATION: installation,
    MONGO_BOTS_DATABASE: databases.bots,
    MONGO_SCHEDULES_DATABASE: databases.schedules,
    MONGO_RUNTIME_DATABASE: databases.runtime,
  };
  return { ...servers, installation, databases, environment };
}

async function onFakeEngine(context: BenchContext, shared: BenchServers, index: number): Promise<Trials> {
  const servers = another(shared, index);
  const { engine, url } = await context.remoteFakeEngine(servers.installation);
  const random = randomFrom(SEED + index);
  const world = await openWorld({ servers, engine, engineUrl: url });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  await world.plan();
  const tookMs = await killTrials({
    world,
    trials: FAKE_TRIALS / SIDE_BY_SIDE,
    random,
    withinMs: 500,
    async beforeTrial() {
      context.signal.throwIfAborted();
      for (const call of ['create', 'writeArchive', 'start', 'stop', 'remove', 'inspect'] as const)
        await engine.control.setLatency(call, Math.round(random() * (random() < 0.3 ? 400 : 60)));
    },
    onTrial: (ms) => context.say(`fake ${index}: ${Math.round(ms)} ms`),
  });
  return { tookMs, doubled: findOverlaps(await engine.control.ledger()).length };
}

async function onDocker(context: BenchContext, servers: BenchServers): Promise<Trials> {
  const { engine, dockerHost } = await context.dockerEngine(servers.installation);
  const world = await openWorld({ servers, engine, environment: { DOCKER_HOST: dockerHost }, code: CODE });
  context.atEnd('the world', async () => world[Symbol.asyncDispose]());
  await world.plan();
  const watch = watchForDoubles(engine);
  const tookMs = await killTrials({
    world,
    trials: DOCKER_TRIALS,
    random: randomFrom(SEED),
    withinMs: 1_500,
    onTrial: (ms) => context.say(`docker: ${Math.round(ms)} ms`),
  });
  return { tookMs, doubled: (await watch.stop()).length };
}

export const bench: Bench = {
  name: 'takeover',
  goal: `a processor killed with -9 at random, ${FAKE_TRIALS} times with the fake engine and ${DOCKER_TRIALS} with Docker: taken over in ≤ 10 s, no duplicate, no loss`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 's3');
    const fakes = await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, (_, index) => onFakeEngine(context, servers, index)),
    );
    const fake = fakes.flatMap(({ tookMs }) => tookMs);
    const docker = await onDocker(context, servers);
    const seconds = (values: readonly number[]): number[] => values.map((ms) => ms / 1000);
    const doubled = [...fakes.map((trials) => trials.doubled), docker.doubled];
    // A bot that is lost would keep its trial from ending: killTrials fails then, and with it the bench.
    return [
      {
        name: 'longest',
        value: Math.max(...seconds(fake)),
        unit: 's',
        runs: seconds(fake),
        limit: { atMost: 10 },
      },
      {
        name: 'p99',
        value: percentile(seconds(fake), 0.99),
        unit: 's',
        runs: seconds(fake),
        limit: { atMost: 10 },
      },
      {
        name: 'longest with Docker',
        value: Math.max(...seconds(docker.tookMs)),
        unit: 's',
        runs: seconds(docker.tookMs),
        limit: { atMost: 10 },
      },
      {
        name: 'duplicates',
        value: doubled.reduce((sum, count) => sum + count, 0),
        unit: 'bots',
        runs: doubled,
        limit: { atMost: 0 },
      },
    ];
  },
};

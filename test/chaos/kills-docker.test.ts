import { expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { killTrials, randomFrom } from '../support/chaos-kills.ts';
import { watchForDoubles } from '../support/chaos-watch.ts';
import { openWorld } from '../support/chaos-world.ts';
import { removeAll } from '../support/engine.ts';
import { testEngine, testServers } from '../support/servers.ts';

const TRIALS_EACH = [5, 5];
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1e6);
/** Ends on SIGTERM at once, so that a trial measures us and not the grace. */
const CODE = {
  'main.py': 'import time\n\ndef main(bot_id, config):\n    while True:\n        time.sleep(1)\n',
};

it('on the real engine, too, a processor killed with -9 at any moment doubles no bot and loses none', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const trials = await Promise.allSettled(TRIALS_EACH.map((count, index) => trialsIn(count, SEED + index)));
  const failed = trials.find((trial) => trial.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const all = trials.flatMap((trial) => (trial.status === 'fulfilled' ? trial.value : []));
  console.log(`took over in ${all.map((ms) => (ms / 1000).toFixed(1)).join(' ')} s`);
  expect(all).toHaveLength(10);
  expect(Math.max(...all)).toBeLessThanOrEqual(10_000);
}, 240_000);

async function trialsIn(trials: number, seed: number): Promise<number[]> {
  const servers = testServers();
  const dockerHost = testEngine();
  const log = createLogger({ level: 'silent', service: 'test' });
  await using engine = createDockerEngine({ installation: servers.installation, dockerHost, log });
  try {
    const watch = watchForDoubles(engine);
    await using world = await openWorld({
      servers,
      engine,
      environment: { DOCKER_HOST: dockerHost },
      code: CODE,
    });
    await world.plan();
    const took = await killTrials({ world, trials, random: randomFrom(seed), withinMs: 1_500 });
    expect(await watch.stop()).toEqual([]);
    return took;
  } finally {
    await removeAll(engine);
  }
}

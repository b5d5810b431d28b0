import { expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { killTrials, randomFrom } from '../support/chaos-kills.ts';
import { servedEngine } from '../support/chaos-servers.ts';
import { openWorld } from '../support/chaos-world.ts';
import { testServers } from '../support/servers.ts';

const TRIALS_EACH = [7, 6, 6, 6];
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1e6);

it('a processor killed with -9 at any moment is succeeded within 10 s, with no bot doubled and none lost', async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  // Some installations side by side: most of a trial is waiting for locks to lapse.
  const took = await Promise.allSettled(TRIALS_EACH.map((trials, index) => trialsIn(trials, SEED + index)));
  const failed = took.find((trials) => trials.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const all = took.flatMap((trials) => (trials.status === 'fulfilled' ? trials.value : []));
  console.log(`took over in ${all.map((ms) => (ms / 1000).toFixed(1)).join(' ')} s`);
  expect(all).toHaveLength(25);
  expect(Math.max(...all)).toBeLessThanOrEqual(10_000);
}, 240_000);

async function trialsIn(trials: number, seed: number): Promise<number[]> {
  const servers = testServers();
  await using fake = await servedEngine(servers.installation);
  const random = randomFrom(seed);
  await using world = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url });
  await world.plan();
  const took = await killTrials({
    world,
    trials,
    random,
    withinMs: 500,
    async beforeTrial() {
      // Calls that take time, each time another: so the kill meets another one in the air.
      for (const call of ['create', 'writeArchive', 'start', 'stop', 'remove', 'inspect'] as const)
        await fake.engine.control.setLatency(call, Math.round(random() * (random() < 0.3 ? 400 : 60)));
    },
  });
  expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
  return took;
}

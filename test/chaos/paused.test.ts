import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { servedEngine } from '../support/chaos-servers.ts';
import { openWorld, untilWell, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

/** At least: longer than the lives of a bot's lock and of a job's lock together with the checks for them. */
const LONGER_THAN_LOCKS_MS = 6_000;
const PAUSE_MS = Number(process.env['CHAOS_PAUSE_MS'] ?? LONGER_THAN_LOCKS_MS);
const BOTS = 12;

const ids = Array.from({ length: BOTS }, () => newBotId());

/** Which container runs each bot. */
async function running(world: World): Promise<Map<string, string>> {
  const statuses = await world.collections.status.find({ phase: 'running' }).toArray();
  return new Map(statuses.map((status) => [status._id, status.containerId ?? '']));
}

it.each([
  ['starts', async (_world: World) => undefined],
  [
    'stops that their owners take back meanwhile',
    async ({ collections: { bots } }: World) =>
      void (await bots.updateMany({ id: { $in: ids.slice(0, 8) } }, { $set: { 'config.enabled': true } })),
  ],
])(
  'a processor stopped for longer than its locks live in the middle of %s doubles nothing and removes nothing',
  async (what, meanwhile) => {
    const servers = testServers();
    await using fake = await servedEngine(servers.installation);
    await using world = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url });
    const { bots, status } = world.collections;
    await world.plan();
    const [paused] = await Promise.all([world.spawn('processor'), world.spawn('processor')]);
    if (what !== 'starts') {
      await bots.insertMany(ids.map((id) => botDocument(id, { filePath: world.filePath })));
      await untilWell(world, { timeoutMs: 10_000 });
    }
    for (const call of ['create', 'writeArchive', 'start', 'stop', 'remove'] as const)
      await fake.engine.control.setLatency(call, 150);
    // All stops go on at once, and none must be over before a look at the locks that takes its time.
    if (what !== 'starts') await fake.engine.control.setLatency('remove', 400);
    if (what === 'starts')
      for (const id of ids) await bots.insertOne(botDocument(id, { filePath: world.filePath }));
    else await bots.updateMany({ id: { $in: ids } }, { $set: { 'config.enabled': false } });
    const mine = new RegExp(`:${paused.pid}:`);
    await until(() => status.findOne({ 'lock.owner': mine }), { everyMs: 5 });
    await sleep(220);
    paused.kill('SIGSTOP');
    expect(
      await status.countDocuments({ 'lock.owner': mine }),
      'bots that the paused processor was at',
    ).toBeGreaterThan(0);
    await meanwhile(world);
    await Promise.all([sleep(PAUSE_MS), untilWell(world, { timeoutMs: 10_000 })]);
    const before = await running(world);

    paused.kill('SIGCONT');
    // It works off what it was at, and must notice that none of that is its own any more.
    await sleep(2_500);
    await untilWell(world, { timeoutMs: 1_000 });
    expect(await running(world)).toEqual(before);
    expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
    await until(async () => (await paused.readyz()).code === 200, { timeoutMs: 5_000 });
  },
  60_000 + PAUSE_MS,
);

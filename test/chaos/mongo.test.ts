import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { servedEngine } from '../support/chaos-servers.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

it.each([
  ['refused', (proxy: FaultProxy) => proxy.cut()],
  ['met with silence', (proxy: FaultProxy) => proxy.silence()],
])(
  'a processor that is %s by MongoDB alone loses its bots to the other, and takes part again afterwards',
  async (_how, breakIt) => {
    const servers = testServers();
    await using fake = await servedEngine(servers.installation);
    await using proxy = await FaultProxy.start(Number(new URL(servers.mongoUri).port));
    await using world = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url });
    const { bots } = world.collections;
    await world.plan();
    // Told directly: a replica set's members name themselves, and so would lead past the proxy.
    const [cutOff] = await Promise.all([
      world.spawn('processor', { MONGO_URI: `mongodb://127.0.0.1:${proxy.port}/?directConnection=true` }),
      world.spawn('processor'),
    ]);
    const insert = (count: number) =>
      bots.insertMany(
        Array.from({ length: count }, () => botDocument(newBotId(), { filePath: world.filePath })),
      );
    await insert(4);
    await untilWell(world, { timeoutMs: 15_000 });
    for (const call of ['create', 'writeArchive', 'start'] as const)
      await fake.engine.control.setLatency(call, 150);
    await insert(12);
    await sleep(250);
    breakIt(proxy);
    await bots.updateMany({}, { $set: { 'config.v': 2 } });
    const tookMs = await untilWell(world, { timeoutMs: 60_000 });
    console.log(`well without it after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThanOrEqual(10_000);
    // It asks each two seconds, and waits for the answer: the others may have been quicker.
    await until(async () => (await cutOff.readyz()).code === 503, { what: 'the one cut off saying so' });

    proxy.heal();
    await until(async () => (await cutOff.readyz()).code === 200, { timeoutMs: 30_000 });
    await insert(4);
    await untilWell(world, { timeoutMs: 15_000 });
    expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
  },
  120_000,
);

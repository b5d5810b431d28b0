import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { startLoad } from '../support/chaos-load.ts';
import { ownServers, servedEngine } from '../support/chaos-servers.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';

const AWAY_MS = 3_000;

it('MongoDB, Redis, NATS, S3 and the engine each away for some seconds under load: healed, nothing doubled, every status true', async () => {
  await using own = await ownServers('mongo', 'redis', 'nats', 's3');
  await using fake = await servedEngine(own.servers.installation);
  await using world = await openWorld({
    servers: own.servers,
    engine: fake.engine,
    engineUrl: fake.url,
    environment: { NATS_URL: own.servers.natsUrl, BACKOFF_FIRST: '1s', BACKOFF_MAX: '5m' },
  });
  const publisher = await connect({
    servers: own.servers.natsUrl,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
  });
  await ensureEventsStream(await jetstreamManager(publisher));
  const runners = await Promise.all([world.spawn('bot-runner'), world.spawn('bot-runner')]);
  const load = startLoad({ world, publisher: jetstream(publisher), everyMs: 60 });

  const server = (kind: 'mongo' | 'redis' | 'nats' | 's3') => async (): Promise<void> => {
    await own.running[kind].stop();
    await sleep(AWAY_MS);
    await own.running[kind].restart();
  };
  const outages: [string, () => Promise<void>][] = [
    ['redis', server('redis')],
    ['nats', server('nats')],
    ['s3', server('s3')],
    ['mongo', server('mongo')],
    [
      'engine',
      async () => {
        await fake.engine.control.setUnavailable(true);
        await sleep(AWAY_MS);
        await fake.engine.control.setUnavailable(false);
      },
    ],
  ];
  for (const [what, outage] of outages) {
    await load.stockUp(20);
    load.resume();
    await sleep(500);
    await outage();
    const backMs = performance.now();
    await load.pause();
    const tookMs = await untilWell(world, { timeoutMs: 60_000, sinceMs: backMs });
    console.log(`${what}: healed after ${Math.round(tookMs)} ms`);
    for (const runner of runners)
      await until(async () => (await runner.readyz()).code === 200, { timeoutMs: 20_000 });
  }
  await load.stop();
  await publisher.close();
  await until(async () => {
    const known = new Set((await world.collections.bots.find().toArray()).map((bot) => bot.id));
    expect(
      load.published.filter((id) => !known.has(id)),
      'bots whose event was acknowledged and lost',
    ).toEqual([]);
    return true;
  });
  await untilWell(world, { timeoutMs: 20_000 });
  expect(load.published.length).toBeGreaterThan(50);
  expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
}, 180_000);

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { startLoad } from '../support/chaos-load.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import type { Bench, Figure } from './harness/index.ts';

const AWAY_MS = 20_000;
const KINDS = ['mongo', 'redis', 'nats', 's3'] as const;

export const bench: Bench = {
  name: 'outages',
  goal: 'MongoDB, Redis, NATS, S3 and the engine each stopped for 20 s under load: healed in ≤ 60 s',
  async run(context) {
    const servers = await context.servers(...KINDS);
    const { engine, url } = await context.remoteFakeEngine(servers.installation);
    // The product's own back-off: what failed during the outage comes back in its own time.
    const environment = {
      NATS_URL: servers.natsUrl,
      BACKOFF_FIRST: '1s',
      BACKOFF_MAX: '5m',
      RECONCILE_INTERVAL: '30s',
    };
    const world = await openWorld({ servers, engine, engineUrl: url, environment });
    context.atEnd('the world', async () => world[Symbol.asyncDispose]());
    const publisher = await connect({
      servers: servers.natsUrl,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
    });
    context.atEnd('the publisher', () => publisher.close());
    await ensureEventsStream(await jetstreamManager(publisher));
    await Promise.all([world.spawn('bot-runner'), world.spawn('processor')]);
    const load = startLoad({ world, publisher: jetstream(publisher), everyMs: 50 });
    context.atEnd('the load', () => load.stop());

    const figures: Figure[] = [];
    const outage = async (
      name: string,
      away: () => Promise<unknown>,
      back: () => Promise<unknown>,
    ): Promise<void> => {
      await load.stockUp(80);
      load.resume();
      await sleep(3_000);
      await away();
      await sleep(AWAY_MS, undefined, { signal: context.signal });
      await back();
      const sinceMs = performance.now();
      await load.pause();
      await until(
        async () =>
          (await world.collections.bots.countDocuments({ id: { $in: [...load.published] } })) ===
          load.published.length,
        { timeoutMs: 120_000 },
      );
      const healed = (await untilWell(world, { timeoutMs: 120_000, sinceMs })) / 1000;
      context.say(`${name}: healed after ${healed.toFixed(1)} s, ${load.published.length} bots so far`);
      figures.push({ name, value: healed, unit: 's', runs: [healed], limit: { atMost: 60 } });
    };
    for (const kind of KINDS)
      await outage(
        kind,
        async () => servers.running[kind]?.stop(),
        async () => servers.running[kind]?.restart(),
      );
    await outage(
      'engine',
      () => engine.control.setUnavailable(true),
      () => engine.control.setUnavailable(false),
    );
    const doubled = findOverlaps(await engine.control.ledger()).length;
    const values = figures.map(({ value }) => value);
    return [
      { name: 'longest', value: Math.max(...values), unit: 's', runs: values, limit: { atMost: 60 } },
      ...figures,
      { name: 'duplicates', value: doubled, unit: 'bots', runs: [doubled], limit: { atMost: 0 } },
    ];
  },
};

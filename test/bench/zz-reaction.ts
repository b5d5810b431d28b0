import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Engine } from '../../infra/engine/port.ts';
import { ensureEventsStream, publishEvent } from '../../infra/nats/platform-stream.ts';
import { LABEL } from '../../model/labels.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { startTestRunner } from '../support/runner.ts';
import { percentile, type Bench } from './harness/index.ts';

const EVENTS = 300;
const WARM_UP = 30;

/** An engine that tells of each container as it is asked for. */
function watched(engine: Engine): { engine: Engine; asked: (botId: string) => Promise<number> } {
  const waiting = new Map<string, (atMs: number) => void>();
  return {
    engine: {
      ...engine,
      inspect: async (i, o) => {
        (globalThis as any).traceAdd?.('> inspect');
        return engine.inspect(i, o);
      },
      listVolumes: async (l, o) => {
        (globalThis as any).traceAdd?.('> listVolumes');
        return engine.listVolumes(l, o);
      },
      create: (spec, options) => {
        (globalThis as any).traceAdd?.('CREATE');
        waiting.get(spec.labels[LABEL.id] ?? '')?.(performance.now());
        return engine.create(spec, options);
      },
    },
    asked: (botId) => new Promise((resolve) => waiting.set(botId, resolve)),
  };
}

export const bench: Bench = {
  name: 'reaction',
  goal: 'event published → engine call, one by one: p50 ≤ 15 ms, p99 ≤ 50 ms',
  async run(context) {
    const servers = await context.servers('mongo', 'nats', 'redis', 's3');
    const { engine, asked } = watched(context.fakeEngine(servers.installation));
    const filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
    const connection = await connect({ servers: servers.natsUrl });
    context.atEnd('the publisher', () => connection.close());
    await ensureEventsStream(await jetstreamManager(connection));
    const publisher = jetstream(connection);

    const runner = await startTestRunner({ environment: servers.environment, engine });
    context.atEnd('the bot-runner', () => runner.stop());
    const delays: number[] = [];
    for (let event = 0; event < WARM_UP + EVENTS; event += 1) {
      context.signal.throwIfAborted();
      const id = newBotId();
      const { config, custom } = botDocument(id, { filePath });
      const called = asked(id);
      const publishedMs = performance.now();
      await publishEvent(publisher, 'the0.bot.created', { id, config, custom });
      (globalThis as any).traceAdd?.('published');
      const delayMs = (await called) - publishedMs;
      (globalThis as any).traceEvent?.(publishedMs);
      if (event >= WARM_UP) delays.push(delayMs);
      // One by one: the next event comes when this bot's status is written.
      await statusOf(runner.services.collections.status, id, ({ phase }) => phase === 'running');
    }
    const p = (share: number): number => percentile(delays, share);
    return [
      { name: 'p50', value: p(0.5), unit: 'ms', runs: delays, limit: { atMost: 15 } },
      { name: 'p99', value: p(0.99), unit: 'ms', runs: delays, limit: { atMost: 50 } },
    ];
  },
};

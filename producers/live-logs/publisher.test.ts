import { getEventListeners } from 'node:events';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import type { NatsLink, NatsSession } from '../../infra/nats/connect.ts';
import { until } from '../../test/support/poll.ts';
import { LiveLogMetrics } from './metrics.ts';
import { Budget, Outbox } from './outbox.ts';
import { Publisher } from './publisher.ts';

it('keeps nothing of a round once it is over, however many there are', async () => {
  let published = 0;
  const session = {
    connection: { publish: () => (published += 1), flush: () => Promise.resolve() },
    ended: new AbortController().signal,
  } as unknown as NatsSession;
  const nats = { session: () => Promise.resolve(session), connected: true } as unknown as NatsLink;
  const log = createLogger({ level: 'silent', service: 'test' });
  const metrics = new LiveLogMetrics({ registry: new Registry() });
  const publisher = new Publisher({ nats, metrics, log, now: Date.now });
  const stop = new AbortController();
  const running = publisher.run(stop.signal);
  const outbox = new Outbox({ budget: new Budget(1_000), limitBytes: 1_000 });
  const target = { containerId: 'c', subject: 's', outbox, onPublished: () => undefined };
  for (let round = 1; round <= 5; round += 1) {
    outbox.add(Buffer.from('line\n'), {}, 0);
    publisher.wake(target);
    await until(() => published === round && publisher.waiting().length === 0);
  }
  await until(() => getEventListeners(stop.signal, 'abort').length <= 1);
  expect(published).toBe(5);
  stop.abort();
  await running;
});

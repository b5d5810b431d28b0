import { Gauge } from 'prom-client';
import { mongoTime, redisTime, TrustedClock } from '../../infra/clock.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import type { RoleContext } from './context.ts';

/** The installation's time, with its difference to this host's shown in health and metrics. Resolves once it is known. */
export async function openClock(
  { log, lifecycle, health, metrics }: RoleContext,
  servers: { mongo: MongoLink; redis: Parameters<typeof redisTime>[0] },
): Promise<TrustedClock> {
  const skew = new Gauge({
    name: 'the0_clock_skew_seconds',
    help: 'How far this host’s clock is ahead of a server’s',
    labelNames: ['against'],
    registers: [metrics.registry],
  });
  const clock = new TrustedClock({
    mongo: mongoTime(servers.mongo.client),
    redis: redisTime(servers.redis),
    log,
    onSkew: (against, seconds) => skew.set({ against }, seconds),
    onDegraded: (reason) => health.degrade('clock', reason),
  });
  lifecycle.onStop('clock', () => clock.stop());
  await clock.start();
  return clock;
}

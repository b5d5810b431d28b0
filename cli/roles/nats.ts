import { connectNats, type NatsLink } from '../../infra/nats/connect.ts';
import type { RoleContext } from './context.ts';

/** Platform events in, live logs out: both over one connection, and neither stops bots when it is away. */
export function openNats({ settings, log, lifecycle, health, owner }: RoleContext): NatsLink | undefined {
  if (settings.NATS_URL === undefined) return undefined;
  const nats = connectNats({ url: settings.NATS_URL, name: `the0-runtime/${owner}`, log });
  lifecycle.onStop('nats', () => nats.close());
  health.check(
    'nats',
    async () => {
      await nats.attempted;
      if (!nats.connected) throw nats.problem ?? new Error('not connected');
    },
    { degradesOnly: true },
  );
  return nats;
}

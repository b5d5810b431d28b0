import { flushPolicyOf } from '../../model/flush-policy.ts';
import { LiveLogMetrics } from '../../producers/live-logs/metrics.ts';
import { LiveLogs } from '../../producers/live-logs/live-logs.ts';
import { doAlone } from './alone.ts';
import { assertOneEngine } from './one-engine.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/** One process at a time follows what the containers of the engine print: live, and so that it is saved. */
export function startLiveLogs(context: RoleContext, services: Services): void {
  const { settings, lifecycle, log, metrics } = context;
  const { engine, collections, dataQueues } = services;
  const reports = new LiveLogMetrics({ registry: metrics.registry });
  const nats = services.nats();
  doAlone(context, collections, {
    lease: 'log-follower',
    what: 'live logs',
    work: ({ signal }) =>
      new LiveLogs({
        engine,
        sameEngine: async () => void (await assertOneEngine(engine, collections.installation)),
        nats,
        collections,
        queues: dataQueues,
        policy: flushPolicyOf(settings),
        rateKb: settings.LOG_RATE_KB,
        metrics: reports,
        log,
      }).run(signal, lifecycle.signal),
  });
}

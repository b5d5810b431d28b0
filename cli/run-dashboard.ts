import { startDashboard } from '../dashboard/server.ts';
import { tokenMatcher } from '../dashboard/token.ts';
import { Lifecycle } from '../infra/lifecycle.ts';
import { createLogger, OutageLog } from '../infra/logger.ts';
import { connectRedis } from '../infra/redis.ts';
import { BotQueues } from '../queues/queues.ts';
import type { Target } from './target.ts';

/** The dashboard in a process of its own: it needs Redis alone. */
export async function runDashboard({ settings }: Target): Promise<void> {
  tokenMatcher(settings.DASHBOARD_TOKEN); // Refused before anything is opened.
  const log = createLogger({ level: settings.LOG_LEVEL, service: 'dashboard' });
  const lifecycle = new Lifecycle({ log, drainDeadlineMs: settings.DRAIN_DEADLINE });
  lifecycle.install();
  try {
    const outage = new OutageLog(log, 'Redis');
    const redis = connectRedis(settings.REDIS_URL, {
      role: 'producer',
      onError: (error) => outage.failed(error),
    });
    redis.on('ready', () => outage.recovered());
    lifecycle.onStop('redis', () => redis.disconnect());
    const queues = new BotQueues({
      connection: redis,
      installation: settings.INSTALLATION,
      onError: (_queue, error) => outage.failed(error),
    });
    lifecycle.onStop('queues', () => queues.close());
    const dashboard = await startDashboard({
      host: settings.DASHBOARD_HOST,
      port: settings.DASHBOARD_PORT,
      token: settings.DASHBOARD_TOKEN,
      installation: settings.INSTALLATION,
      queues: Object.values(queues.byName),
      log,
    });
    lifecycle.onStop('dashboard', () => dashboard.close());
    lifecycle.started();
    log.info({ url: dashboard.url }, 'ready');
  } catch (error) {
    await lifecycle.stop({ kind: 'error', error });
    throw error;
  }
}

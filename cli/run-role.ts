import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import type { RetiredInUse } from '../infra/config/flags.ts';
import { retiredInUse, type Environment } from '../infra/config/load.ts';
import { settleAfterStart } from '../infra/after-start.ts';
import type { Settings } from '../infra/config/settings.ts';
import { Health } from '../infra/health.ts';
import { healthMetrics } from '../infra/health-metrics.ts';
import { startHealthServer } from '../infra/health-server.ts';
import { Lifecycle } from '../infra/lifecycle.ts';
import { createLogger, type Logger } from '../infra/logger.ts';
import { createMetrics } from '../infra/metrics.ts';
import { startTracing } from '../infra/tracing/start.ts';
import { productVersion } from './paths.ts';
import type { RoleContext } from './roles/context.ts';

export type RunOptions = {
  service: string;
  settings: Settings;
  environment: Environment;
  /** Flags that have no effect any more, and were given. */
  retiredFlags?: readonly RetiredInUse[];
  healthPort: number;
  /** Setting named when that port is taken. */
  healthPortSetting:
    | 'HEALTH_PORT'
    | 'SCHEDULER_HEALTH_PORT'
    | 'PROCESSOR_HEALTH_PORT'
    | 'GC_HEALTH_PORT'
    | 'QUERY_HEALTH_PORT'
    | 'CONTROL_HEALTH_PORT';
  /** Unset: JSON lines on stdout. */
  log?: Logger;
  /** Unset: one of its own, with signal handlers installed. */
  lifecycle?: Lifecycle;
};

export type RunningProcess = { context: RoleContext; healthPort: number };

/** What every long-lived command needs around its roles: log, life cycle, signals, health, metrics. */
export async function openProcess(options: RunOptions): Promise<RunningProcess> {
  const { settings, service } = options;
  const log = options.log ?? createLogger({ level: settings.LOG_LEVEL, service });
  for (const { name, replacement } of retiredInUse(options.environment))
    log.warn({ setting: name, replacement }, 'a retired setting has no effect');
  for (const { name, replacement } of options.retiredFlags ?? [])
    log.warn({ flag: name, replacement }, 'a retired flag has no effect');

  const lifecycle =
    options.lifecycle ?? withSignals(new Lifecycle({ log, drainDeadlineMs: settings.DRAIN_DEADLINE }));
  const health = new Health({
    log,
    isServing: () => (lifecycle.state === 'running' ? undefined : lifecycle.state),
  });
  const metrics = createMetrics({ service, version: productVersion() });
  healthMetrics(health, metrics);
  const server = await startHealthServer({
    health,
    host: settings.HEALTH_HOST,
    port: options.healthPort,
    portSetting: options.healthPortSetting,
    metrics: () => metrics.render(),
  });
  // Registered first, so closed last: until then /readyz says that the process drains.
  lifecycle.onStop('health server', () => server.close());
  lifecycle.onStop('health', () => health.stop());
  health.start();
  log.info(
    { health: `http://${server.host}:${server.port}`, installation: settings.INSTALLATION, pid: process.pid },
    'starting',
  );
  const owner = `${service}@${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`;
  await startTracing({ settings, service, version: productVersion(), owner, lifecycle, log });
  return { context: { settings, log, lifecycle, health, metrics, owner }, healthPort: server.port };
}

function withSignals(lifecycle: Lifecycle): Lifecycle {
  lifecycle.install();
  return lifecycle;
}

/**
 * Runs a role until a signal ends it. A failure to start is logged and ends the process with 1, after what had been
 * opened is closed; a start that a signal interrupts is no failure.
 */
export async function runRole(
  options: RunOptions,
  start: (context: RoleContext) => Promise<unknown>,
): Promise<void> {
  const { context } = await openProcess(options);
  try {
    await start(context);
    context.log.info('ready');
    settleAfterStart();
  } catch (error) {
    if (context.lifecycle.signal.aborted) return;
    await context.lifecycle.stop({ kind: 'error', error });
    throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { startBotRunner } from '../../cli/roles/bot-runner.ts';
import { startBotScheduler } from '../../cli/roles/bot-scheduler.ts';
import type { RoleContext } from '../../cli/roles/context.ts';
import { startProcessor } from '../../cli/roles/processor.ts';
import type { ProcessingOptions } from '../../cli/roles/processing.ts';
import type { Services } from '../../cli/roles/services.ts';
import { loadSettings } from '../../infra/config/load.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { Health } from '../../infra/health.ts';
import { Lifecycle } from '../../infra/lifecycle.ts';
import { createLogger } from '../../infra/logger.ts';
import { createMetrics } from '../../infra/metrics.ts';
import { startTracing } from '../../infra/tracing/start.ts';

export type TestRunner = AsyncDisposable & {
  context: RoleContext;
  services: Services;
  stop(): Promise<void>;
};

type Options = { environment: Readonly<Record<string, string>>; engine?: Engine; logLevel?: string };

/** A bot-runner in this process, as the command would start it, less signals and ports. `withEngine` false: events alone. */
export function startTestRunner({
  withEngine = true,
  ...options
}: Options & { withEngine?: boolean }): Promise<TestRunner> {
  return start(options, (context) => startBotRunner(context, { withEngine }));
}

/** A bot-scheduler in this process. */
export function startTestScheduler(options: Options): Promise<TestRunner> {
  return start(options, (context) => startBotScheduler(context));
}

/** A processor in this process. */
export function startTestProcessor(options: Options & ProcessingOptions): Promise<TestRunner> {
  return start(options, (context) => startProcessor(context, options));
}

export function roleContext(options: Options): RoleContext {
  const settings = loadSettings({
    BACKOFF_FIRST: '100ms',
    BACKOFF_MAX: '2s',
    STOP_GRACE: '2s',
    ...withoutFilter(options.engine),
    ...options.environment,
  });
  const log = createLogger({
    level: options.logLevel ?? process.env['TEST_LOG_LEVEL'] ?? 'silent',
    service: 'test',
  });
  const lifecycle = new Lifecycle({ log, drainDeadlineMs: settings.DRAIN_DEADLINE });
  const health = new Health({
    log,
    isServing: () => (lifecycle.state === 'running' ? undefined : lifecycle.state),
  });
  return {
    settings,
    log,
    lifecycle,
    health,
    metrics: createMetrics({ service: 'test', version: '0' }),
    owner: `test-${randomBytes(3).toString('hex')}`,
    ...(options.engine === undefined ? {} : { engine: options.engine }),
  };
}

/** A fake engine's network is on no host, so there is nothing to filter and nothing to probe. */
const withoutFilter = (engine: Engine | undefined): Record<string, string> =>
  engine === undefined ? {} : { EGRESS_FILTER: 'off', ALLOW_UNFILTERED_EGRESS: '1' };

async function start(
  options: Options,
  role: (context: RoleContext) => Promise<Services>,
): Promise<TestRunner> {
  const context = roleContext(options);
  await startTracing({ ...context, service: 'test', version: '0' });
  context.health.start();
  const services = await role(context);
  const stop = async (): Promise<void> => {
    await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    context.health.stop();
  };
  return { context, services, stop, [Symbol.asyncDispose]: stop };
}

import { randomBytes } from 'node:crypto';
import { startBotRunner } from '../../cli/roles/bot-runner.ts';
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

export type TestRunner = AsyncDisposable & {
  context: RoleContext;
  services: Services;
  stop(): Promise<void>;
};

type Options = { environment: Readonly<Record<string, string>>; engine?: Engine; logLevel?: string };

/** A bot-runner in this process, as the command would start it, less signals and ports. */
export function startTestRunner(options: Options): Promise<TestRunner> {
  return start(options, (context) => startBotRunner(context));
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
    metrics: createMetrics({ service: 'test' }),
    owner: `test-${randomBytes(3).toString('hex')}`,
    ...(options.engine === undefined ? {} : { engine: options.engine }),
  };
}

/** A fake engine's network is on no host, so there is nothing to filter and nothing to probe. */
const withoutFilter = (engine: Engine | undefined): Record<string, string> =>
  engine === undefined ? {} : { EGRESS_FILTER: 'off' };

async function start(
  options: Options,
  role: (context: RoleContext) => Promise<Services>,
): Promise<TestRunner> {
  const context = roleContext(options);
  context.health.start();
  const services = await role(context);
  const stop = async (): Promise<void> => {
    await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    context.health.stop();
  };
  return { context, services, stop, [Symbol.asyncDispose]: stop };
}

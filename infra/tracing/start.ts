import type { Settings } from '../config/settings.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Logger } from '../logger.ts';
import { isTracing, useSpanMaker } from './tracing.ts';

/** What is left is sent at the end within this, or not at all: a collector that is away keeps no process from ending. */
const FLUSH_MS = 2_000;

export type TracingOptions = {
  settings: Settings;
  /** Which command this process runs. */
  service: string;
  version: string;
  /** Names this process. */
  owner: string;
  lifecycle: Lifecycle;
  log: Logger;
};

/** Where spans go to; undefined: nowhere, and nothing of what makes them is loaded. */
export function tracesUrl(settings: Settings): string | undefined {
  if (settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === 'none') return undefined;
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole, OTEL_EXPORTER_OTLP_ENDPOINT: base } = settings;
  return whole ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`);
}

/**
 * Traces from now on, if the settings say where to. Once for each process: a second call changes nothing. To be called
 * before anything else that has to be stopped, so that its end is traced and sent.
 */
export async function startTracing(options: TracingOptions): Promise<void> {
  const { settings, service, version, owner, lifecycle, log } = options;
  const url = tracesUrl(settings);
  if (url === undefined || isTracing()) return;
  const { loadSdk } = await import('./sdk.ts');
  const sdk = loadSdk({
    settings,
    url,
    log,
    attributes: {
      'service.namespace': settings.INSTALLATION,
      'service.version': version,
      'service.instance.id': owner,
      ...settings.OTEL_RESOURCE_ATTRIBUTES,
      'service.name': settings.OTEL_SERVICE_NAME ?? `the0-${service}`,
    },
  });
  useSpanMaker(sdk.maker);
  lifecycle.onStop('traces', async () => {
    useSpanMaker(undefined);
    await sdk.shutdown(FLUSH_MS);
  });
  log.info({ collector: new URL(url).host }, 'tracing');
}

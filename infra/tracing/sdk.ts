import { randomBytes } from 'node:crypto';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span as OtelSpan,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Settings } from '../config/settings.ts';
import { OutageLog, type Logger } from '../logger.ts';
import { ENTRY, isParentBased, samplerOf, type CappedSampler } from './sampling.ts';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';
import type { Span, SpanFields, SpanMaker, SpanOptions } from './tracing.ts';

/** `maker` works until `shutdown`, which sends what is left and gives up after `withinMs`. */
export type LoadedSdk = { maker: SpanMaker; shutdown(withinMs: number): Promise<void> };

export type SdkOptions = {
  settings: Settings;
  /** Where spans go to, whole. */
  url: string;
  /** Of this process. */
  attributes: Readonly<Record<string, string>>;
  log: Logger;
};

/** The one module that loads OpenTelemetry: imported only where traces are to be sent somewhere. */
export function loadSdk({ settings, url, attributes, log }: SdkOptions): LoadedSdk {
  // What is not said here (certificates, compression, timeout) the exporter reads from the environment itself.
  const exporter = new OTLPTraceExporter({ url, headers: { ...settings.OTEL_EXPORTER_OTLP_HEADERS } });
  const sampler = samplerOf(settings, () => performance.now());
  const provider = new TracerProvider({
    sampler,
    resource: defaultResource().merge(resourceFromAttributes({ ...attributes })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: tellingOnce(exporter, new OutageLog(log, 'The collector of traces')),
        scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
        maxQueueSize: settings.OTEL_BSP_MAX_QUEUE_SIZE,
        maxExportBatchSize: settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
      }),
    ],
  });
  const sampling: Sampling = {
    tracer: provider.getTracer('the0-runtime'),
    sampler,
    parentBased: isParentBased(settings),
    unsampled: new UnsampledSpan(`00-${hex(16)}-${hex(8)}-00`),
  };
  return {
    maker: (name, options, within) => start(sampling, name, options, within),
    async shutdown(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, withinMs);
      });
      // What cannot be sent has been told of by the exporter.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

/** One line in the log when the collector goes away and one when it is back. Nothing waits for it, and nothing fails. */
function tellingOnce(exporter: SpanExporter, outage: OutageLog): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) outage.recovered();
        else outage.failed(result.error ?? new Error('it takes no spans'));
        done({ code: ExportResultCode.SUCCESS });
      }),
    shutdown: () => exporter.shutdown(),
  };
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

type Sampling = {
  tracer: Tracer;
  sampler: CappedSampler;
  parentBased: boolean;
  /** Stands for all traces of this process that begin and are not made: nobody will look for one of them. */
  unsampled: Span;
};

/** Most of thousands of transitions at once are not traced: of them the SDK is not even asked. */
function start(
  { tracer, sampler, parentBased, unsampled }: Sampling,
  name: string,
  options: SpanOptions,
  within: Span | undefined,
): Span {
  const { kind = 'internal', fields, parent, link, entry = false, startMs } = options;
  const from = parent === undefined ? contextOf(within) : remote(parent);
  if (from !== undefined && parentBased && (from.traceFlags & TraceFlags.SAMPLED) === 0)
    return parent === undefined ? (within ?? unsampled) : new UnsampledSpan(parent);
  if ((from === undefined || entry) && sampler.isSpent)
    return from === undefined
      ? unsampled
      : new UnsampledSpan(textOf({ ...from, traceFlags: TraceFlags.NONE }));
  const links: Link[] = [remote(link)].flatMap((context) => (context === undefined ? [] : { context }));
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(fields === undefined ? {} : { attributes: defined(fields) }),
      ...(links.length === 0 ? {} : { links }),
      ...(startMs === undefined ? {} : { startTime: startMs }),
    },
    parentContext(from, entry),
  );
  return new SdkSpan(span);
}

function parentContext(parent: SpanContext | undefined, entry: boolean): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const context = trace.setSpanContext(ROOT_CONTEXT, parent);
  return entry ? context.setValue(ENTRY, true) : context;
}

const contextOf = (span: Span | undefined): SpanContext | undefined =>
  span instanceof SdkSpan ? span.context : remote(span?.traceparent);

const textOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  formatTraceparent({ traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 });

function remote(traceparent: string | undefined): SpanContext | undefined {
  const context = parseTraceparent(traceparent);
  if (context === undefined) return undefined;
  const { traceId, spanId, sampled } = context;
  return {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  };
}

/** Carries on that its trace is not made. */
class UnsampledSpan implements Span {
  readonly traceparent: string;
  readonly isRecorded = false;

  constructor(traceparent: string) {
    this.traceparent = traceparent;
  }

  get traceId(): string {
    return parseTraceparent(this.traceparent)?.traceId ?? '';
  }

  set(): void {
    // Nobody will see it.
  }

  fail(): void {
    // Nobody will see it.
  }

  end(): void {
    // Nothing began.
  }
}

class SdkSpan implements Span {
  readonly context: SpanContext;
  readonly isRecorded: boolean;
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    this.#span = span;
    this.context = span.spanContext();
    this.isRecorded = span.isRecording();
  }

  get traceId(): string {
    return this.context.traceId;
  }

  get traceparent(): string {
    return textOf(this.context);
  }

  set(fields: SpanFields): void {
    if (this.isRecorded) this.#span.setAttributes(defined(fields));
  }

  fail(message: string, kind: string): void {
    if (!this.isRecorded) return;
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    this.#span.setAttribute('error.type', kind);
  }

  end(): void {
    if (this.isRecorded) this.#span.end();
  }
}

function defined(fields: SpanFields): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) attributes[name] = value;
  return attributes;
}

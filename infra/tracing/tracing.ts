import { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf } from '../message-of.ts';

/**
 * The seam between what is traced and what traces. Nothing of OpenTelemetry is imported here: while tracing is off, each of
 * these functions does nothing but the work it was given.
 */

/** Cheap ones, and never a config or what is in it. */
export type SpanFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type SpanOptions = {
  /** Default `internal`. */
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  fields?: SpanFields;
  /** Traceparent of what it goes on from. Absent: the span that is being worked in; without one, a trace begins. */
  parent?: string | undefined;
  /** Traceparent of what led to it, where it is none of its parts. */
  link?: string | undefined;
  /** The parent is of somebody else's making, who may ask for more traces than this installation is to make. */
  entry?: boolean;
  /** Epoch milliseconds at which it began, where that was before now. */
  startMs?: number;
};

/** Of a trace that is not sampled, it only carries the traceparent on. */
export type Span = {
  readonly traceId: string;
  readonly traceparent: string;
  /** Whether it will be sent. */
  readonly isRecorded: boolean;
  set(fields: SpanFields): void;
  /** Says that it failed; `kind` is what a person may search for. */
  fail(message: string, kind: string): void;
  end(): void;
};

/** What makes spans, once it is loaded. */
export type SpanMaker = (name: string, options: SpanOptions, within: Span | undefined) => Span;

const MAX_MESSAGE = 300;
/** How work ends that somebody else finishes, or that comes back: no failure. */
const NO_FAILURE = new Set(['Superseded', 'LockLost', 'NotReadyYet', 'RunTaken', 'AbortError']);

let make: SpanMaker | undefined;
const active = new AsyncLocalStorage<Span | undefined>();

/** Of this process. Undefined: tracing is off. */
export function useSpanMaker(maker: SpanMaker | undefined): void {
  make = maker;
}

export const isTracing = (): boolean => make !== undefined;

/** What is being worked in, sampled or not. */
export const currentSpan = (): Span | undefined => (make === undefined ? undefined : active.getStore());

/** What a job or a document made now is to carry. */
export const currentTraceparent = (): string | undefined => currentSpan()?.traceparent;

/** Of the trace that is being worked in, if people will be able to look at it. */
export function recordedTraceId(): string | undefined {
  const span = currentSpan();
  return span?.isRecorded === true ? span.traceId : undefined;
}

/** Undefined while tracing is off. Whoever begins a span ends it. */
export function beginSpan(name: string, options: SpanOptions = {}): Span | undefined {
  return make?.(name, options, active.getStore());
}

/** Does the work in a span of its own. What it throws is recorded, and thrown. */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const span = beginSpan(name, options);
  if (span === undefined) return work(undefined);
  try {
    return await active.run(span, work, span);
  } catch (error) {
    failed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** The same for a part of what is being worked in; where that is not recorded, nothing but the work. */
export function inStep<T>(
  name: string,
  work: () => Promise<T>,
  options: Pick<SpanOptions, 'kind' | 'fields'> = {},
): Promise<T> {
  return currentSpan()?.isRecorded === true ? inSpan(name, options, work) : work();
}

function failed(span: Span, error: unknown): void {
  if (!span.isRecorded) return;
  const { name, code } = error as { name?: unknown; code?: unknown };
  const kind = [code, name].find((word): word is string => typeof word === 'string') ?? 'Error';
  if (typeof name === 'string' && NO_FAILURE.has(name)) span.set({ 'the0.ended': name });
  else span.fail(messageOf(error).slice(0, MAX_MESSAGE), kind);
}

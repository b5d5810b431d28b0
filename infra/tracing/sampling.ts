import { createContextKey, trace, TraceFlags, type Context } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace';
import type { Settings } from '../config/settings.ts';

type SamplerSettings = Pick<
  Settings,
  'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG' | 'TRACES_PER_SECOND'
>;

/** In the context of a span whose parent is of somebody else's making. */
export const ENTRY = createContextKey('the0 entry');

/** The standard sampler that the settings name, which makes no more traces than they allow. */
export const samplerOf = (settings: SamplerSettings, monotonicMs: () => number): CappedSampler =>
  new CappedSampler(standardSampler(settings), settings.TRACES_PER_SECOND || Infinity, monotonicMs);

/** Whether a parent that is not sampled has none that are. */
export const isParentBased = ({ OTEL_TRACES_SAMPLER: name }: SamplerSettings): boolean =>
  name.startsWith('parentbased_');

function standardSampler({
  OTEL_TRACES_SAMPLER: name,
  OTEL_TRACES_SAMPLER_ARG: share,
}: SamplerSettings): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(share);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) });
  }
}

/**
 * Keeps a storm of transitions from costing what it should not: of the traces that begin or come in here, so many a second
 * are made, each whole, and the others not at all. What goes on from a span of ours is decided already.
 */
export class CappedSampler implements Sampler {
  readonly #sampler: Sampler;
  readonly #perSecond: number;
  readonly #monotonicMs: () => number;
  #left: number;
  #atMs: number;

  constructor(sampler: Sampler, perSecond: number, monotonicMs: () => number) {
    this.#sampler = sampler;
    this.#perSecond = perSecond;
    this.#monotonicMs = monotonicMs;
    this.#left = perSecond;
    this.#atMs = monotonicMs();
  }

  shouldSample(context: Context, ...rest: ParametersAfterContext): SamplingResult {
    const parent = trace.getSpanContext(context);
    const isOurs = parent !== undefined && context.getValue(ENTRY) !== true;
    // A standard sampler that heeds no parent would record pieces of a trace that was refused.
    if (isOurs && (parent.traceFlags & TraceFlags.SAMPLED) === 0)
      return { decision: SamplingDecision.NOT_RECORD };
    const result = this.#sampler.shouldSample(context, ...rest);
    if (result.decision !== SamplingDecision.RECORD_AND_SAMPLED) return result;
    return isOurs || this.#take() ? result : { decision: SamplingDecision.NOT_RECORD };
  }

  /** Whether no trace can begin now: a cheap answer that spares the asking. */
  get isSpent(): boolean {
    this.#earn();
    return this.#left < 1;
  }

  toString(): string {
    return `AtMost{${this.#perSecond}/s, ${this.#sampler.toString()}}`;
  }

  #take(): boolean {
    this.#earn();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #earn(): void {
    if (this.#perSecond === Infinity) return;
    const nowMs = this.#monotonicMs();
    const earned = ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + earned);
    this.#atMs = nowMs;
  }
}

type ParametersAfterContext =
  Parameters<Sampler['shouldSample']> extends [Context, ...infer Rest] ? Rest : never;

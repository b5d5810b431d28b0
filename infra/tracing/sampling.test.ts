import { ROOT_CONTEXT, SpanKind, trace, TraceFlags, type Context } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../config/load.ts';
import { ENTRY, samplerOf } from './sampling.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function sampler(environment: Record<string, string>): {
  takes: (context?: Context) => boolean;
  at: (ms: number) => void;
} {
  let nowMs = 0;
  const made = samplerOf(loadSettings(environment), () => nowMs);
  return {
    takes: (context = ROOT_CONTEXT) =>
      made.shouldSample(context, TRACE, 'x', SpanKind.INTERNAL, {}, []).decision ===
      SamplingDecision.RECORD_AND_SAMPLED,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

const after = (sampled: boolean): Context =>
  trace.setSpanContext(ROOT_CONTEXT, {
    traceId: TRACE,
    spanId: '00f067aa0ba902b7',
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
/** The same, of a publisher's making. */
const entering = (sampled: boolean): Context => after(sampled).setValue(ENTRY, true);
const many = Array.from({ length: 50 });

describe('which traces are made', () => {
  it('begin so many a second at most, each second anew', () => {
    const { takes, at } = sampler({ TRACES_PER_SECOND: '10' });
    expect(many.filter(() => takes())).toHaveLength(10);
    at(500);
    expect(many.filter(() => takes())).toHaveLength(5);
    at(60_000);
    expect(many.filter(() => takes())).toHaveLength(10);
  });

  it('go on whole, however many: only their beginning counts', () => {
    const { takes } = sampler({ TRACES_PER_SECOND: '1' });
    expect(many.filter(() => takes(after(true)))).toHaveLength(50);
    expect(takes(after(false))).toBe(false);
  });

  it.each(['always_on', 'traceidratio', 'parentbased_always_on'])(
    'do not go on in pieces once they were refused, with %s',
    (name) => {
      const { takes } = sampler({ OTEL_TRACES_SAMPLER: name, TRACES_PER_SECOND: '1' });
      expect(many.filter(() => takes())).toHaveLength(1);
      expect(many.filter(() => takes(after(false)))).toHaveLength(0);
    },
  );

  it('count publishers’ own as well, which could else ask for any number', () => {
    const { takes } = sampler({ TRACES_PER_SECOND: '10' });
    expect(many.filter(() => takes(entering(true)))).toHaveLength(10);
  });

  it('are told beforehand when no more can begin', () => {
    let nowMs = 0;
    const made = samplerOf(loadSettings({ TRACES_PER_SECOND: '1' }), () => nowMs);
    const begin = (): unknown => made.shouldSample(ROOT_CONTEXT, TRACE, 'x', SpanKind.INTERNAL, {}, []);
    expect(made.isSpent).toBe(false);
    begin();
    expect(made.isSpent).toBe(true);
    nowMs = 1_000;
    expect(made.isSpent).toBe(false);
  });

  it('are not limited with 0', () => {
    const { takes } = sampler({ TRACES_PER_SECOND: '0' });
    expect(many.filter(() => takes())).toHaveLength(50);
  });

  it.each([
    ['always_on', { root: true, sampled: true, unsampled: true }],
    ['always_off', { root: false, sampled: false, unsampled: false }],
    ['traceidratio', { root: false, sampled: false, unsampled: false }],
    ['parentbased_always_on', { root: true, sampled: true, unsampled: false }],
    ['parentbased_always_off', { root: false, sampled: true, unsampled: false }],
    ['parentbased_traceidratio', { root: false, sampled: true, unsampled: false }],
  ])('%s is the standard’s', (name, expected) => {
    const { takes } = sampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: '0' });
    expect({
      root: takes(),
      sampled: takes(entering(true)),
      unsampled: takes(entering(false)),
    }).toEqual(expected);
  });
});

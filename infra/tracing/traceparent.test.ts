import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is read as W3C has it, sampled or not', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
    });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)).toHaveProperty('sampled', false);
    expect(parseTraceparent(`  00-${TRACE}-${SPAN}-00 `)).toHaveProperty('sampled', false);
  });

  it('of a later version is read as far as this one knows it', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)).toHaveProperty('traceId', TRACE);
  });

  it.each([
    undefined,
    '',
    'x',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0g`,
  ])('%s is none: a trace begins anew', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('never throws, and comes back as it was written', () => {
    const hex = (length: number) =>
      fc
        .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
        .map((digits) => digits.join(''));
    fc.assert(fc.property(fc.string(), (text) => void parseTraceparent(text)));
    fc.assert(
      fc.property(hex(31), hex(15), fc.boolean(), (trace, span, sampled) => {
        const context = { traceId: `1${trace}`, spanId: `1${span}`, sampled };
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });
});

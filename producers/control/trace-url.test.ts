import { describe, expect, it } from 'vitest';
import { noViewer, traceUrlOf } from './trace-url.ts';

describe('the address of a trace', () => {
  it('has its id wherever the viewer wants it', () => {
    const url = traceUrlOf('https://viewer/{traceId}?left={traceId}');
    expect(url('4bf9')).toBe('https://viewer/4bf9?left=4bf9');
  });

  it('is empty without a viewer, or a trace', () => {
    expect(traceUrlOf(undefined)('4bf9')).toBe('');
    expect(traceUrlOf('https://viewer/{traceId}')(null)).toBe('');
    expect(noViewer('4bf9')).toBe('');
  });
});

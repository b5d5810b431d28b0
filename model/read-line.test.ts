import { describe, expect, it } from 'vitest';
import { sameness } from './read-line.ts';

describe('the same line, stored and live', () => {
  it.each([
    ['hello  ', '{"timestamp":"2026-11-24T03:04:05Z","message":"hello"}'],
    ['{"a":1,"b":"x"}', '{"a":1,"b":"x","timestamp":"2026-11-24T03:04:05Z"}'],
    ['[1,2]', '{"timestamp":"2026-11-24T03:04:05Z","message":"[1,2]"}'],
    ['{"a":1,"timestamp":5}', '{"a":1,"timestamp":5}'],
  ])('%s', (live, stored) => {
    expect(sameness(live)).toBe(sameness(stored));
  });

  it('is another than a line that differs', () => {
    expect(sameness('{"a":1}')).not.toBe(sameness('{"a":2}'));
  });
});

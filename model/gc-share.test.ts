import { describe, expect, it } from 'vitest';
import { tooMuch } from './gc-share.ts';

describe('the share that may go', () => {
  it('is a quarter by default, and ten bots always', () => {
    expect(tooMuch({ going: 25, living: 75 }, 25)).toBeUndefined();
    expect(tooMuch({ going: 26, living: 74 }, 25)).toContain('26 of 100 bots');
    expect(tooMuch({ going: 10, living: 0 }, 25)).toBeUndefined();
    expect(tooMuch({ going: 11, living: 0 }, 25)).toContain('100 %');
    expect(tooMuch({ going: 1_000, living: 0 }, 100)).toBeUndefined();
  });
});

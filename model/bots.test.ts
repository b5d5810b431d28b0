import { describe, expect, it } from 'vitest';
import { botIdProblem, isEnabled } from './bots.ts';

describe('isEnabled (contract §2.5)', () => {
  it.each([
    [{}, true],
    [{ config: {} }, true],
    [{ config: { enabled: true } }, true],
    [{ config: { enabled: false } }, false],
    [{ config: { enabled: 'false' } }, false],
    [{ config: { enabled: '0' } }, false],
    [{ config: { enabled: 0 } }, false],
    [{ config: { enabled: 'no' } }, true],
    [{ config: { enabled: null } }, true],
    [{ config: { enabled: 1 } }, true],
    [{ enabled: false, config: { enabled: true } }, false],
    [{ enabled: true, config: { enabled: false } }, true],
    [{ enabled: 'false', config: {} }, true],
  ])('%j is %s', (bot, expected) => {
    expect(isEnabled({ id: 'b', ...bot })).toBe(expected);
  });
});

describe('botIdProblem', () => {
  it.each(['ej9jmr2532vucpx5qp0p3foj', 'A_b-c.1', '0'])('accepts %s', (id) => {
    expect(botIdProblem(id)).toBeUndefined();
  });
  it.each([
    ['a/b'],
    ['..'],
    ['a..b'],
    [''],
    ['-a'],
    ['.hidden'],
    ['x'.repeat(300)],
    [7],
    [null],
    [undefined],
    ['a b'],
    ['é'],
  ])('refuses %j and says why', (id) => {
    expect(botIdProblem(id)).toMatch(/^id /);
  });
});

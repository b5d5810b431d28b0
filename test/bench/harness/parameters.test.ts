import { afterEach, expect, it, vi } from 'vitest';
import { parameter, parameters } from './parameters.ts';

afterEach(() => vi.unstubAllEnvs());

it('a parameter is the bench’s own number unless the environment says another', () => {
  expect(parameter('LEDGER_SECONDS', 300)).toBe(300);
  vi.stubEnv('BENCH_LEDGER_SECONDS', '12');
  expect(parameter('LEDGER_SECONDS', 300)).toBe(12);
  expect(parameters()).toMatchObject({ BENCH_LEDGER_SECONDS: '12' });
});

it.each(['', 'ten', '-1', 'Infinity'])('%j is refused, with the name of the variable', (text) => {
  vi.stubEnv('BENCH_LEDGER_ROUNDS', text);
  expect(() => parameter('LEDGER_ROUNDS', 1)).toThrow('BENCH_LEDGER_ROUNDS=');
});

import { describe, expect, it } from 'vitest';
import { configProblem, MAX_CONFIG_BYTES } from './config.ts';

const ofBytes = (bytes: number) => ({ data: 'x'.repeat(bytes - '{"data":""}'.length) });

describe('configProblem', () => {
  it('allows up to 120 KiB of JSON, in bytes and not in characters', () => {
    expect(configProblem({})).toBeUndefined();
    expect(configProblem(ofBytes(MAX_CONFIG_BYTES))).toBeUndefined();
    expect(configProblem(ofBytes(MAX_CONFIG_BYTES + 1))).toContain('122881 bytes');
    expect(configProblem({ data: '€'.repeat(50_000) })).toContain('150011 bytes');
  });

  it.each([
    [null, 'null'],
    [[], 'an array'],
    ['{}', 'a string'],
    [undefined, 'missing'],
    [3, 'a number'],
  ])('refuses %j', (config, kind) => {
    expect(configProblem(config)).toBe(`config must be a JSON object, not ${kind}`);
  });

  it('refuses what JSON cannot hold, without showing it', () => {
    const circular: Record<string, unknown> = { secretKeyName: 1 };
    circular['self'] = circular;
    expect(configProblem(circular)).toContain('cannot be written as JSON');
    expect(configProblem({ big: 1n })).toContain('cannot be written as JSON');
    expect(configProblem(circular)).not.toContain('self:');
  });
});

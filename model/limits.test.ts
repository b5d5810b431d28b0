import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { botLimits, stateFilesLimit, stateLimitBytes, type OperatorLimits } from './limits.ts';

const MB = 2 ** 20;
const operator: OperatorLimits = {
  memoryMb: 512,
  memoryCeilingMb: 4096,
  cpus: 1,
  cpuCeiling: 4,
  cpuShares: 512,
  stateMb: 8192,
  stateFiles: 20_000,
};

const limits = (config: Record<string, unknown>, rules = operator) => {
  const outcome = botLimits(config, rules);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  return outcome;
};
const problems = (config: Record<string, unknown>) => {
  const outcome = botLimits(config, operator);
  return outcome.ok ? [] : outcome.problems;
};

describe('botLimits', () => {
  it('gives the operator’s defaults to a bot that asks for nothing', () => {
    const given = { limits: { memoryBytes: 512 * MB, cpus: 1, cpuShares: 512 }, notes: [] };
    expect(limits({})).toMatchObject(given);
    expect(limits({ memory_limit: null, cpu_limit: undefined, symbol: 'BTC' })).toMatchObject(given);
  });

  it('honours what a bot asks for, below the default too', () => {
    expect(limits({ memory_limit: '1Gi', cpu_limit: '1500m', cpu_request: '250m' })).toMatchObject({
      limits: { memoryBytes: 1024 * MB, cpus: 1.5, cpuShares: 256 },
      notes: [],
    });
    expect(limits({ memory_limit: 64 * MB, cpu_limit: 0.5 }).limits).toMatchObject({
      memoryBytes: 64 * MB,
      cpus: 0.5,
    });
  });

  it('lowers to the ceiling what is above it, and says so', () => {
    const { limits: given, notes } = limits({ memory_limit: '64Gi', cpu_limit: 32 });
    expect(given).toMatchObject({ memoryBytes: 4096 * MB, cpus: 4 });
    expect(notes).toEqual([
      'config.memory_limit asks for 64Gi; the operator allows 4Gi, which is what it gets',
      'config.cpu_limit asks for 32; the operator allows 4, which is what it gets',
    ]);
  });

  it('takes the default for the ceiling where an operator set it higher', () => {
    const rules = { ...operator, memoryMb: 8192, cpus: 6 };
    expect(limits({}, rules).limits).toMatchObject({ memoryBytes: 8192 * MB, cpus: 6 });
    expect(limits({ memory_limit: '6Gi' }, rules)).toMatchObject({
      limits: { memoryBytes: 6144 * MB },
      notes: [],
    });
  });

  it('never weighs a bot more than the CPU that it may use', () => {
    expect(limits({ cpu_request: 3 }).limits.cpuShares).toBe(1024);
    expect(limits({ cpu_request: '10m' }).limits.cpuShares).toBe(10);
  });

  it.each([
    [
      { memory_limit: 'lots' },
      'config.memory_limit is "lots", which is no quantity: write it like "512Mi" or "1Gi"',
    ],
    [
      { memory_limit: '512MB' },
      'config.memory_limit is "512MB", which is no quantity: write it like "512Mi" or "1Gi"',
    ],
    [{ memory_limit: '' }, 'config.memory_limit is "", which is no quantity: write it like "512Mi" or "1Gi"'],
    [
      { memory_limit: 512 },
      'config.memory_limit is 512, which means 512 bytes: at least 16Mi is needed; write it like "512Mi" or "1Gi"',
    ],
    [
      { memory_limit: '512m' },
      'config.memory_limit is "512m", which means 0.512 bytes: at least 16Mi is needed; write it like "512Mi" or "1Gi"',
    ],
    [
      { memory_request: '1Ki' },
      'config.memory_request is "1Ki", which means 1024 bytes: at least 16Mi is needed; write it like "512Mi" or "1Gi"',
    ],
    [
      { cpu_limit: 0 },
      'config.cpu_limit is 0, which means 0 cores: at least 10m is needed; write it like "500m" or 1',
    ],
    [{ cpu_limit: -1 }, 'config.cpu_limit is -1, which is no quantity: write it like "500m" or 1'],
    [
      { cpu_limit: { cores: 1 } },
      'config.cpu_limit is an object, which is no quantity: write it like "500m" or 1',
    ],
    [{ cpu_request: true }, 'config.cpu_request is true, which is no quantity: write it like "500m" or 1'],
    [
      { memory_limit: '64Mi', memory_request: '1Gi' },
      'config.memory_request (1Gi) is more than config.memory_limit (64Mi): lower the request or raise the limit',
    ],
    [
      { cpu_limit: '500m', cpu_request: 1 },
      'config.cpu_request (1) is more than config.cpu_limit (500m): lower the request or raise the limit',
    ],
  ])('refuses %j in words', (config, message) => {
    expect(problems(config)).toEqual([message]);
  });

  it('names every problem at once', () => {
    expect(problems({ memory_limit: 'lots', cpu_limit: 'all' })).toHaveLength(2);
  });

  it('does not show a key that was pasted into a limit', () => {
    expect(problems({ memory_limit: 'sk-canary-0123456789abcdef' })[0]).not.toContain('canary');
  });

  it('stays within floor and ceiling, whatever it is asked', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double(),
      fc.integer(),
      fc.jsonValue(),
      fc.tuple(fc.nat(9999), fc.constantFrom('m', '', 'Mi', 'Gi', 'M', 'e3')).map((p) => p.join('')),
    );
    const config = fc.record(
      { memory_limit: value, cpu_limit: value, memory_request: value, cpu_request: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(config, (asked) => {
        const outcome = botLimits(asked, operator);
        if (!outcome.ok) return outcome.problems.length > 0;
        const { memoryBytes, cpus, cpuShares } = outcome.limits;
        return (
          Number.isInteger(memoryBytes) &&
          memoryBytes >= 16 * MB &&
          memoryBytes <= 4096 * MB &&
          cpus >= 0.01 &&
          cpus <= 4 &&
          Number.isInteger(cpuShares) &&
          cpuShares >= 2 &&
          cpuShares <= 262_144
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the limit of a state', () => {
  it('is the operator’s, or what a bot asks for below it', () => {
    expect(limits({})).toMatchObject({ stateBytes: 8192 * MB, stateFiles: 20_000 });
    expect(limits({ state_files: 500 })).toMatchObject({ stateFiles: 500, notes: [] });
    expect(limits({ state_files: '1M' })).toMatchObject({
      stateFiles: 20_000,
      notes: [
        'config.state_files asks for 1000000 files; the operator allows 20000 files, which is what it gets',
      ],
    });
    expect(limits({ state_limit: '64Mi' })).toMatchObject({ stateBytes: 64 * MB, notes: [] });
    expect(limits({ state_limit: '1Ti' })).toMatchObject({
      stateBytes: 8192 * MB,
      notes: ['config.state_limit asks for 1024Gi; the operator allows 8Gi, which is what it gets'],
    });
  });

  it('is refused where it cannot be read, or leaves no room', () => {
    expect(problems({ state_limit: 'lots' })).toEqual([
      'config.state_limit is "lots", which is no quantity: write it like "512Mi" or "1Gi"',
    ]);
    expect(problems({ state_limit: 10 })).toEqual([
      'config.state_limit is 10, which means 10 bytes: at least 1Mi is needed; write it like "512Mi" or "1Gi"',
    ]);
    expect(problems({ state_files: 10 })).toEqual([
      'config.state_files is 10, which means 10 files: at least 100 files is needed; write it like 1000',
    ]);
  });

  it('is the operator’s for a bot that runs all the same', () => {
    for (const unusable of [{}, { state_limit: 'lots' }, { state_limit: 1 }, { state_limit: '1Ti' }])
      expect(stateLimitBytes(unusable, operator)).toBe(8192 * MB);
    expect(stateLimitBytes({ state_limit: '2Mi' }, operator)).toBe(2 * MB);
    for (const unusable of [{}, { state_files: 'lots' }, { state_files: 1 }, { state_files: 1e9 }])
      expect(stateFilesLimit(unusable, operator)).toBe(20_000);
    expect(stateFilesLimit({ state_files: 200 }, operator)).toBe(200);
  });
});

import { describe, expect, it } from 'vitest';
import { meanOf, rounded, spanOf, startedAfter, together, usageBetween, type Usage } from './usage.ts';
import { intoSteps, niceStep, windowStart } from './usage-steps.ts';

const reading = (atMs: number, cpuMs: number, rest: object = {}) => ({
  atMs,
  cpuNanos: cpuMs * 1e6,
  memoryBytes: 1000,
  ...rest,
});

describe('between two readings', () => {
  it('counters become rates, and levels stay', () => {
    const before = reading(1000, 10, { networkSentBytes: 100, diskReadBytes: 5 });
    const after = reading(3000, 510, {
      memoryLimitBytes: 4000,
      cpuLimitCores: 1,
      pids: 3,
      networkSentBytes: 300,
    });
    expect(usageBetween(before, after)).toEqual({
      cpu: 0.25,
      memory: 1000,
      memoryLimit: 4000,
      cpuLimit: 1,
      pids: 3,
      containers: 1,
      networkSent: 100,
    });
  });

  it('a container that was started anew, or no time, tells nothing', () => {
    expect(usageBetween(reading(1000, 10), reading(2000, 9))).toBeUndefined();
    expect(usageBetween(reading(1000, 10), reading(1000, 11))).toBeUndefined();
  });

  it('a container that was started since has used everything since', () => {
    expect(usageBetween(startedAfter(1000), reading(2000, 500, { diskReadBytes: 50 }))).toMatchObject({
      cpu: 0.5,
      diskRead: 50,
    });
  });
});

const use = (cpu: number, memory: number, rest: Partial<Usage> = {}): Usage => ({
  cpu,
  memory,
  pids: 1,
  containers: 1,
  ...rest,
});

describe('together', () => {
  it('is the sum; a limit only where all have one', () => {
    expect(
      together([
        use(0.5, 10, { memoryLimit: 100, cpuLimit: 1, diskRead: 5 }),
        use(0.25, 20, { memoryLimit: 100 }),
      ]),
    ).toEqual({ cpu: 0.75, memory: 30, memoryLimit: 200, pids: 2, containers: 2, diskRead: 5 });
    expect(together([])).toEqual({ cpu: 0, memory: 0, pids: 0, containers: 0 });
  });
});

describe('a mean', () => {
  it('goes by how much was measured, and keeps the most', () => {
    const long = { ...spanOf(use(1, 100)), cpuMax: 3, count: 3 };
    const short = spanOf(use(0, 200, { pids: 9, memoryLimit: 7, diskRead: 8 }));
    expect(meanOf([long, short])).toEqual({
      cpu: 0.75,
      memory: 125,
      cpuMax: 3,
      memoryMax: 200,
      memoryLimit: 7,
      pids: 9,
      containers: 1,
      diskRead: 8,
      count: 4,
    });
  });

  it('of means is the mean of all', () => {
    const moments = [0.1, 0.7, 0.4, 0.9, 0.2].map((cpu) => spanOf(use(cpu, cpu * 1000)));
    const parts = meanOf([meanOf(moments.slice(0, 2)), meanOf(moments.slice(2))]);
    expect(rounded(parts)).toEqual(rounded(meanOf(moments)));
  });
});

describe('steps', () => {
  const at = (atMs: number, cpu: number) => ({ ...spanOf(use(cpu, 1)), atMs });

  it('begin at whole multiples, in order; where nothing was measured there is none', () => {
    const steps = intoSteps([at(70_000, 0.4), at(10_000, 0.2), at(20_000, 0.4), at(250_000, 1)], 60_000);
    expect(steps.map(({ atMs, cpu, count }) => [atMs, Number(cpu.toFixed(3)), count])).toEqual([
      [0, 0.3, 2],
      [60_000, 0.4, 1],
      [240_000, 1, 1],
    ]);
  });

  it.each([
    [3_600_000, 10_000, 15_000],
    [3_600_000, 1_000, 15_000],
    [60_000, 10_000, 10_000],
    [86_400_000, 10_000, 300_000],
    [7 * 86_400_000, 300_000, 3_600_000],
    [400 * 86_400_000, 300_000, 32 * 3_600_000],
  ])('of %s ms, none shorter than %s ms: %s ms', (span, least, step) => {
    expect(niceStep(span, least)).toBe(step);
  });

  it('a window begins at a whole multiple', () => {
    expect(windowStart(1_000_000)).toBe(900_000);
  });
});

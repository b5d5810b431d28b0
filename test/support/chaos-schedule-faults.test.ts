import { expect, it } from 'vitest';
import { randomFrom } from './chaos-kills.ts';
import { randomFaults, runFaults, type Fault } from './chaos-schedule-faults.ts';

const SERVERS = ['redis', 'mongo', 'nats'] as const;
const plan = (seed: number): Fault[] =>
  randomFaults({ seconds: 300, random: randomFrom(seed), servers: SERVERS });
const seeds = Array.from({ length: 50 }, (_, seed) => seed);

it('a seed brings the same faults again, another one others', () => {
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

it('Redis is emptied twice, and each server stopped once, never two of them at a time and never to the end', () => {
  for (const seed of seeds) {
    const faults = plan(seed);
    expect(faults.filter(({ what }) => what === 'flush')).toHaveLength(2);
    const outages = faults.flatMap((fault) => (fault.what === 'outage' ? [fault] : []));
    expect(outages.map(({ kind }) => kind)).toEqual(SERVERS);
    for (const [index, { atS, forS }] of outages.entries())
      expect(atS + forS).toBeLessThan(outages[index + 1]?.atS ?? 300);
    const flushable = (fault: Fault): boolean =>
      outages.every(({ kind, atS, forS }) => kind !== 'redis' || fault.atS < atS || fault.atS > atS + forS);
    expect(faults.filter(({ what }) => what === 'flush').every(flushable)).toBe(true);
  }
});

it('processes are killed all the time', () => {
  for (const seed of seeds) {
    const kills = plan(seed).filter(({ what }) => what === 'kill');
    expect(kills.length).toBeGreaterThanOrEqual(20);
    for (const [index, { atS }] of kills.entries())
      expect(atS - (kills[index - 1]?.atS ?? 0)).toBeLessThanOrEqual(15);
  }
});

it('what is planned happens, and it ends when the time is over', async () => {
  const happened: string[] = [];
  const beganMs = performance.now();
  await runFaults(
    [
      { what: 'kill', atS: 0.02, dice: 0.5 },
      { what: 'flush', atS: 0.01 },
    ],
    {
      seconds: 0.1,
      act: {
        kill: (dice) => void happened.push(`kill ${dice}`),
        flush: async () => void happened.push('flush'),
        servers: {},
      },
    },
  );
  expect(happened).toEqual(['flush', 'kill 0.5']);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(95);
});

it('a server that may not be stopped is not taken for one that was', async () => {
  const act = { kill: () => undefined, flush: async () => undefined, servers: {} };
  const faults: Fault[] = [{ what: 'outage', kind: 'mongo', atS: 0, forS: 1 }];
  await expect(runFaults(faults, { seconds: 0, act })).rejects.toThrow('no mongo that may be stopped');
});

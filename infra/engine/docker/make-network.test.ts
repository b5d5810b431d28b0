import { describe, expect, it } from 'vitest';
import { EngineFailed, EngineRefused } from '../errors.ts';
import { DockerRefusal } from './failures.ts';
import { findOrMake } from './make-network.ts';

const refusal = (words: string): DockerRefusal => new DockerRefusal(403, words);

describe('findOrMake', () => {
  it('makes what is not there', async () => {
    let there: string | undefined;
    const find = (): Promise<string | undefined> => Promise.resolve(there);
    const make = (): Promise<void> => {
      there = 'net';
      return Promise.resolve();
    };
    expect(await findOrMake({ name: 'net', find, make })).toBe('net');
  });

  it.each([
    'network with name net already exists',
    'Pool overlaps with other one on this address space',
    'cannot create network a (b): conflicts with network c (d): networks have same bridge name',
    'cannot create network a (b): conflicts with network c (d): networks have overlapping IPv4',
  ])('waits for what another is making: “%s”', async (words) => {
    let looks = 0;
    const losses: number[] = [];
    const found = await findOrMake({
      name: 'net',
      find: () => Promise.resolve((looks += 1) > 3 ? 'theirs' : undefined),
      make: (lost) => {
        losses.push(lost);
        return Promise.reject(refusal(words));
      },
    });
    expect(found).toBe('theirs');
    expect(losses).toEqual([0, 1, 2]);
  });

  it('gives up with the engine’s words when nobody ever makes it', async () => {
    const find = (): Promise<undefined> => Promise.resolve(undefined);
    const make = (): Promise<void> => Promise.reject(refusal('Pool overlaps with other one'));
    await expect(findOrMake({ name: 'net', find, make, patienceMs: 100 })).rejects.toThrow(
      new EngineFailed(
        'The network net cannot be made, and nobody else made it within 0.1 s: Pool overlaps with other one',
      ),
    );
  });

  it('does not wait where waiting does not help', async () => {
    let made = 0;
    const find = (): Promise<undefined> => Promise.resolve(undefined);
    const full = 'could not find an available, non-overlapping IPv4 address pool among the defaults';
    const make = (): Promise<void> => {
      made += 1;
      return Promise.reject(refusal(full));
    };
    await expect(findOrMake({ name: 'net', find, make })).rejects.toThrow(EngineRefused);
    expect(made).toBe(1);
  });

  it('says so when something removes it each time', async () => {
    const find = (): Promise<undefined> => Promise.resolve(undefined);
    const make = (): Promise<void> => Promise.resolve();
    await expect(findOrMake({ name: 'net', find, make })).rejects.toThrow('something else removes it');
  });
});

import { describe, expect, it } from 'vitest';
import { SpecRefused } from './errors.ts';
import { freeSubnet, inSubnet } from './subnets.ts';

describe('freeSubnet', () => {
  it('gives the first that meets nothing taken', () => {
    expect(freeSubnet('198.18.0.0/16', 29, [])).toBe('198.18.0.0/29');
    expect(freeSubnet('198.18.0.0/16', 29, ['198.18.0.0/29', '198.18.0.8/29', '10.0.0.0/8'])).toBe(
      '198.18.0.16/29',
    );
    // A large neighbour and one in the middle of where it would have been.
    expect(freeSubnet('198.18.0.0/16', 29, ['198.18.0.0/22'])).toBe('198.18.4.0/29');
    expect(freeSubnet('198.18.0.0/16', 22, ['198.18.1.8/29'])).toBe('198.18.4.0/22');
    // Ranges that Docker may tell and that are none of ours: IPv6.
    expect(freeSubnet('198.18.0.0/16', 29, ['fd00::/64', ''])).toBe('198.18.0.0/29');
  });

  it('is at its end when the pool is full, and begins where the pool begins', () => {
    expect(freeSubnet('198.18.0.77/29', 29, [])).toBe('198.18.0.72/29');
    expect(freeSubnet('198.18.0.0/28', 29, ['198.18.0.0/29', '198.18.0.12/30'])).toBeUndefined();
    expect(freeSubnet('198.18.0.0/28', 29, ['0.0.0.0/0'])).toBeUndefined();
    expect(freeSubnet('198.18.0.0/30', 29, [])).toBeUndefined();
  });

  it('refuses a pool that is none', () => {
    expect(() => freeSubnet('lots', 29, [])).toThrow(SpecRefused);
    expect(() => freeSubnet('198.18.0.0/33', 29, [])).toThrow(SpecRefused);
  });
});

describe('inSubnet', () => {
  it('knows addresses as sockets tell them', () => {
    expect(inSubnet('198.18.3.4', '198.18.0.0/16')).toBe(true);
    expect(inSubnet('::ffff:198.18.255.255', '198.18.0.0/16')).toBe(true);
    for (const address of ['198.19.0.0', '198.17.255.255', '::1', undefined, ''])
      expect(inSubnet(address, '198.18.0.0/16')).toBe(false);
  });
});

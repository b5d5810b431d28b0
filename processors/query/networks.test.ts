import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { queryNetworks } from './networks.ts';
import { queryLimits } from './query-spec.ts';

const MB = 2 ** 20;
const bot = (config: Record<string, unknown> = {}) => ({ id: 'b1', config });

describe('queryNetworks', () => {
  it('puts all into one closed network where the query server is on the host', () => {
    expect(queryNetworks('the0', bot(), {})).toEqual({
      network: { internal: 'the0_queries' },
      internal: { name: 'the0_queries', shared: true },
      askedBy: 'the0_queries',
    });
  });

  it('gives each its own where the query server is in a container', () => {
    expect(queryNetworks('the0', bot(), { servers: ['c1'] })).toEqual({
      network: { internal: 'the0_querynet_b1' },
      internal: { name: 'the0_querynet_b1', shared: false },
      askedBy: 'the0_querynet_b1',
    });
  });

  it('lets out who asks for it with exactly true, and in by the same ways as before', () => {
    for (const wish of ['true', 1, {}, null, undefined])
      expect(queryNetworks('the0', bot({ query_internet: wish }), {}).network).not.toBe('bots');
    const open = bot({ query_internet: true });
    expect(queryNetworks('the0', open, {})).toEqual({ network: 'bots', askedBy: 'the0_bots' });
    expect(queryNetworks('the0', open, { servers: ['c1'] })).toEqual({
      network: 'bots',
      second: 'the0_querynet_b1',
      internal: { name: 'the0_querynet_b1', shared: false },
      askedBy: 'the0_querynet_b1',
    });
  });
});

describe('queryLimits', () => {
  const settings = loadSettings({ QUERY_MEMORY_LIMIT_MB: '128', BOT_MEMORY_CEILING_MB: '1024' });

  it('are the operator’s, unless the bot asks for its query program', () => {
    expect(queryLimits({ memory_limit: '900Mi' }, settings).memoryBytes).toBe(128 * MB);
    expect(queryLimits({ query_memory_limit: '512Mi', cpu_limit: '500m' }, settings)).toMatchObject({
      memoryBytes: 512 * MB,
      cpus: 0.5,
    });
    expect(queryLimits({ query_memory_limit: '8Gi' }, settings).memoryBytes).toBe(1024 * MB);
  });

  it('name the field that cannot be read', () => {
    expect(() => queryLimits({ query_memory_limit: 'lots' }, settings)).toThrow(
      /config\.query_memory_limit is "lots"/,
    );
  });
});

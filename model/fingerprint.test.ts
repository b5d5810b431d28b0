import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BotDocument } from './bots.ts';
import { fingerprint } from './fingerprint.ts';

const bot: BotDocument = {
  id: 'b1',
  config: { name: 'x', symbols: ['BTC', 'ETH'], memory_limit: '1Gi', nested: { b: 1, a: 2 } },
  custom: {
    version: '1.0.0',
    filePath: 'u/x/1.0.0',
    config: { runtime: 'python3.11', entrypoints: { bot: 'main.py' } },
  },
};

/** The same value with the keys of every object in another order, as JSONB returns them. */
function shuffledKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffledKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, shuffledKeys(v)]),
  );
}

describe('fingerprint', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (config) => {
        const changed = { ...bot, config: shuffledKeys(config) as Record<string, unknown> };
        expect(fingerprint(changed)).toBe(fingerprint({ ...bot, config }));
      }),
    );
  });

  it.each([
    ['enabled', { ...bot, config: { ...bot.config, enabled: false } }],
    ['hasFrontend', { ...bot, config: { ...bot.config, hasFrontend: true } }],
    ['the root flag', { ...bot, enabled: true }],
    [
      'version and time of the definition',
      { ...bot, custom: { ...bot.custom, updatedAt: '2026-01-01T00:00:00Z', version: '9.9.9' } },
    ],
    [
      'readme and schema',
      {
        ...bot,
        custom: { ...bot.custom, config: { ...bot.custom?.config, readme: 'new', schema: { bot: {} } } },
      },
    ],
  ])('stays the same when only %s changes', (_what, changed) => {
    expect(fingerprint(changed)).toBe(fingerprint(bot));
  });

  it.each([
    ['a config value', { ...bot, config: { ...bot.config, name: 'y' } }],
    ['a limit of its own', { ...bot, config: { ...bot.config, memory_limit: '2Gi' } }],
    ['the order of a list', { ...bot, config: { ...bot.config, symbols: ['ETH', 'BTC'] } }],
    ['the code', { ...bot, custom: { ...bot.custom, filePath: 'u/x/1.0.1' } }],
    [
      'the entry point',
      { ...bot, custom: { ...bot.custom, config: { runtime: 'python3.11', entrypoints: { bot: 'b.py' } } } },
    ],
    [
      'the runtime',
      { ...bot, custom: { ...bot.custom, config: { ...bot.custom?.config, runtime: 'nodejs20' } } },
    ],
  ])('changes with %s', (_what, changed) => {
    expect(fingerprint(changed)).not.toBe(fingerprint(bot));
  });
});

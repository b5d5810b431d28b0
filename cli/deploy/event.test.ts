import { expect, it } from 'vitest';
import { parseBotConfig } from './bot-config.ts';
import { codeKey, deletedPayload, deployedPayload, instanceConfig, subjectOf } from './event.ts';
import { customBotId, newBotId } from './id.ts';

const file = parseBotConfig(
  'name: sma\nversion: 1.2.0\ntype: realtime\nruntime: python3.11\nentrypoints: {bot: main.py}\nreadme: README.md\nschema: {bot: s.json}\nhasFrontend: false',
);

it('makes ids like the platform’s', () => {
  const ids = Array.from({ length: 500 }, () => newBotId());
  for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]{23}$/);
  expect(new Set(ids).size).toBe(500);
  expect(customBotId('local', 'sma')).toMatch(/^[a-z][a-z0-9]{23}$/);
  expect(customBotId('local', 'sma')).toBe(customBotId('local', 'sma'));
  expect(customBotId('local', 'smb')).not.toBe(customBotId('local', 'sma'));
});

it('publishes what the platform would', () => {
  const config = instanceConfig(file, { name: 'mine', symbol: 'BTC', enabled: true });
  expect(config).toEqual({
    name: 'mine',
    symbol: 'BTC',
    enabled: true,
    type: 'realtime/sma',
    version: '1.2.0',
    customBotId: customBotId('local', 'sma'),
  });
  expect(
    deployedPayload(
      'b1',
      config,
      { file, readme: 'Text', schema: { type: 'object' }, hasFrontend: true },
      '2026-11-23T00:00:00.000Z',
    ),
  ).toEqual({
    id: 'b1',
    config,
    custom: {
      config: {
        name: 'sma',
        version: '1.2.0',
        type: 'realtime',
        runtime: 'python3.11',
        entrypoints: { bot: 'main.py' },
        readme: 'Text',
        schema: { bot: { type: 'object' } },
        hasFrontend: true,
      },
      createdAt: '2026-11-23T00:00:00.000Z',
      updatedAt: '2026-11-23T00:00:00.000Z',
      filePath: 'local/sma/1.2.0',
      version: '1.2.0',
    },
  });
  expect(codeKey(file)).toBe('local/sma/1.2.0');
});

it('deletes with the stored config, without customBotId and custom', () => {
  expect(deletedPayload('b1', { name: 'mine', customBotId: 'x' })).toEqual({
    id: 'b1',
    config: { name: 'mine' },
  });
  expect(deletedPayload('b1', undefined)).toEqual({ id: 'b1', config: {} });
});

it('chooses the subject by the definition’s type', () => {
  expect(subjectOf('realtime', 'created')).toBe('the0.bot.created');
  expect(subjectOf('scheduled', 'updated')).toBe('the0.bot-schedule.updated');
  expect(() => subjectOf('event', 'created')).toThrow(/run by nobody/);
});

it('refuses an instance that contradicts its definition', () => {
  expect(() => instanceConfig(file, { type: 'realtime/other' })).toThrow(/must be "realtime\/sma"/);
  expect(() => instanceConfig(file, { version: '9.9.9' })).toThrow(/must be "1.2.0"/);
  expect(() => instanceConfig({ ...file, type: 'scheduled' }, {})).toThrow(/schedule: is missing/);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOT_EVENTS } from './family.ts';
import { MAX_EVENT_BYTES, parseEvent } from './parse.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (kind: string, body: unknown): ReturnType<typeof parseEvent> =>
  parseEvent(BOT_EVENTS, `the0.bot.${kind}`, bytes(typeof body === 'string' ? body : JSON.stringify(body)));
const custom = {
  config: { name: 'a', runtime: 'python3.11' },
  version: '1.0.0',
  filePath: 'u/a/1.0.0',
  createdAt: 'x',
  updatedAt: 'y',
};

describe('parseEvent', () => {
  it.each(['created', 'updated'])('reads a flat %s event and ignores fields it does not know', (kind) => {
    expect(parse(kind, { id: 'b1', config: { a: 1 }, custom, later: true })).toEqual({
      event: { kind, botId: 'b1', config: { a: 1 }, custom },
    });
  });

  it('reads the envelope where the flat shape has no id', () => {
    const data = { id: 'b1', config: {}, custom, topicName: 't' };
    expect(parse('created', { type: 'x', entity_id: 'b1', data, timestamp: 'z' })).toEqual({
      event: { kind: 'created', botId: 'b1', config: {}, custom },
    });
    expect(parse('created', { id: '', data })).toHaveProperty('event.botId', 'b1');
  });

  it('prefers the flat shape, as the reference does', () => {
    expect(parse('deleted', { id: 'outer', data: { id: 'inner' } })).toEqual({
      event: { kind: 'deleted', botId: 'outer' },
    });
  });

  it('takes a deleted event without custom, and without config', () => {
    expect(parse('deleted', { id: 'b1', config: {} })).toEqual({ event: { kind: 'deleted', botId: 'b1' } });
    expect(parse('deleted', { id: 'b1' })).toEqual({ event: { kind: 'deleted', botId: 'b1' } });
  });

  it('takes a configuration of 1 MB: planning refuses it where its owner sees why', () => {
    expect(parse('created', { id: 'b1', config: { big: 'x'.repeat(1_000_000) }, custom })).toHaveProperty(
      'event',
    );
  });

  it.each<[string, string, unknown, RegExp]>([
    ['created', 'cut-off JSON', '{"id":"b1"', /^message is not JSON$/],
    ['created', 'an array', [], /must be a JSON object, not an array/],
    ['created', 'null', 'null', /must be a JSON object, not null/],
    ['created', 'no id', { config: {}, custom }, /^id is missing$/],
    ['deleted', 'a numeric id', { id: 7 }, /id must be a string, not number/],
    ['deleted', 'an id that climbs', { id: '../../etc' }, /may hold only letters/],
    ['deleted', 'an id of 300 characters', { id: 'x'.repeat(300) }, /id has 300 characters/],
    [
      'created',
      'config that is a list',
      { id: 'b1', config: [], custom },
      /config must be an object, not an array/,
    ],
    ['created', 'no config', { id: 'b1', custom }, /config must be an object, not missing/],
    ['updated', 'no custom', { id: 'b1', config: {} }, /custom must be an object, not missing/],
    [
      'updated',
      'a numeric filePath',
      { id: 'b1', config: {}, custom: { filePath: 3 } },
      /custom.filePath must be a string, not number/,
    ],
    [
      'updated',
      'custom.config that is text',
      { id: 'b1', config: {}, custom: { config: 'x' } },
      /custom.config must be an object/,
    ],
    ['updated', 'a key with NUL', '{"id":"b1","config":{"a\\u0000b":1},"custom":{}}', /NUL/],
    [
      'updated',
      'a key of the driver',
      { id: 'b1', config: { a: [{ _bsontype: 'Long' }] }, custom: {} },
      /config\.a\[0\] has a key "_bsontype"/,
    ],
    [
      'updated',
      'endless nesting',
      `{"id":"b1","config":{"a":${'['.repeat(5000)}${']'.repeat(5000)}},"custom":{}}`,
      /nested more than 100 deep/,
    ],
    ['exploded', 'a subject we do not know', { id: 'b1' }, /subject the0.bot.exploded is none of/],
  ])('%s with %s is poison, with its reason', (kind, _what, body, reason) => {
    expect(parse(kind, body)).toEqual({ poison: expect.stringMatching(reason) as string });
  });

  it('names bytes that are not UTF-8', () => {
    expect(parseEvent(BOT_EVENTS, 'the0.bot.created', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))).toEqual({
      poison: 'message is not UTF-8',
    });
  });

  it('does not read beyond 8 MB', () => {
    expect(parseEvent(BOT_EVENTS, 'the0.bot.created', new Uint8Array(MAX_EVENT_BYTES + 1))).toEqual({
      poison: expect.stringContaining('bytes') as string,
    });
  });

  it('never quotes the message in its reason: it may hold an exchange key', () => {
    const secret = 'sk-live-123456';
    for (const body of [
      `{"id":"b1","config":"${secret}"`,
      { id: 'b1', config: secret, custom },
      { id: 'b1', config: {}, custom: { version: { secret } } },
    ])
      expect(JSON.stringify(parse('updated', body))).not.toContain(secret);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('created', 'updated', 'deleted', 'x'),
        fc.oneof(fc.uint8Array(), fc.json().map(bytes)),
        (kind, payload) => {
          const parsed = parseEvent(BOT_EVENTS, `the0.bot.${kind}`, payload);
          return 'event' in parsed || parsed.poison.length > 0;
        },
      ),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { parseResult } from './result.ts';

const parse = (text: string | Buffer) => parseResult(Buffer.from(text));

describe('parseResult', () => {
  it.each([
    ['an object', '{"a": [1, {"$set": null}], "x.y": true}', { a: [1, { $set: null }], 'x.y': true }],
    ['a number', ' 5 \n', 5],
    ['null', 'null', null],
    ['a text', '"done"', 'done'],
  ])('keeps %s as it is', (_what, text, result) => {
    expect(parse(text)).toEqual({ result });
  });

  it.each([
    ['above 2^53', '{"order_id": 9007199254740993}', { order_id: '9007199254740993' }],
    ['above 2^64', '{"order_id": 12345678901234567890}', { order_id: '12345678901234567890' }],
    [
      'in lists within lists',
      '[[1, [-12345678901234567890]], {"a": [9007199254740992]}]',
      [[1, ['-12345678901234567890']], { a: [9007199254740992] }],
    ],
    ['that is text already', '{"order_id": "12345678901234567890"}', { order_id: '12345678901234567890' }],
    ['that every double holds', '{"order_id": 1234567890123456}', { order_id: 1234567890123456 }],
  ])('keeps every digit of an id %s', (_what, text, result) => {
    expect(parse(text)).toEqual({ result });
  });

  it('takes an empty file for no result', () => {
    expect(parse('')).toEqual({});
    expect(parse(' \n')).toEqual({});
  });

  it.each([
    ['half a JSON', '{"a":', /no JSON/],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]), /no JSON/],
    ['what is nested too deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, /nested/],
    ['a key that MongoDB cannot store', '{"a\\u0000b": 1}', /NUL/],
    ['what grows too large in MongoDB', JSON.stringify(Array(1_000_000).fill(1)), /too large/],
  ])('says why %s is not kept', (_what, text, problem) => {
    expect(parse(text).resultProblem).toMatch(problem);
    expect(parse(text)).not.toHaveProperty('result');
  });
});

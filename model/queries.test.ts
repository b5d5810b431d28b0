import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  noAnswerInWords,
  paramTexts,
  queryTarget,
  readProgramAnswer,
  readQuery,
  type Query,
} from './queries.ts';

const limits = { maxTimeoutMs: 300_000 };
const read = (body: unknown): Query => {
  const query = readQuery(body, limits);
  if ('refused' in query) throw new Error(query.refused);
  return query;
};
const refusal = (body: unknown): string | undefined => {
  const query = readQuery(body, limits);
  return 'refused' in query ? query.refused : undefined;
};

describe('readQuery', () => {
  it('reads what the platform sends', () => {
    expect(read({ bot_id: 'b1', query_path: '/status', params: {}, timeout_sec: 30 })).toEqual({
      botId: 'b1',
      path: '/status',
      params: {},
      timeoutMs: 30_000,
    });
    expect(read({ bot_id: 'b1', query_path: 'status' })).toMatchObject({ path: '/status', params: {} });
    expect(read({ bot_id: 'b1', query_path: '/a?limit=3&x=y?z', params: { limit: 4 } })).toMatchObject({
      path: '/a',
      params: { limit: 4, x: 'y?z' },
    });
  });

  it.each([
    [0, 30_000],
    [-1, 30_000],
    [null, 30_000],
    [undefined, 30_000],
    [0.5, 500],
    [2.0005, 2_001],
    [60, 60_000],
    [86_400, 300_000],
    [Number.POSITIVE_INFINITY, 300_000],
  ])('takes a timeout of %s seconds for %i ms', (timeout_sec, expected) => {
    expect(read({ bot_id: 'b', query_path: '/', timeout_sec }).timeoutMs).toBe(expected);
  });

  it.each([
    [undefined, 'invalid request body: expected a JSON object'],
    [[], 'invalid request body: expected a JSON object'],
    ['x', 'invalid request body: expected a JSON object'],
    [{}, 'bot_id is required'],
    [{ bot_id: 7, query_path: '/x' }, 'bot_id is required'],
    [{ bot_id: 'b' }, 'query_path is required'],
    [{ bot_id: 'b', query_path: '' }, 'query_path is required'],
    [{ bot_id: 'b', query_path: '/x', params: [] }, 'params must be a JSON object'],
    [{ bot_id: 'b', query_path: '/x', params: 'a=1' }, 'params must be a JSON object'],
    [{ bot_id: 'b', query_path: '/x', timeout_sec: '30' }, 'timeout_sec must be a number of seconds'],
  ])('refuses %j', (body, expected) => {
    expect(refusal(body)).toBe(expected);
  });

  it.each([
    '/../etc/passwd',
    '..',
    '/a/../b',
    '/%2e%2e/b',
    '/a/./b',
    '/a\r\nHost: x',
    '/a\0',
    '/a#b',
    '/a\\b',
    '/\ud800',
    `/${'x'.repeat(3_000)}`,
  ])('refuses the path %j', (query_path) => {
    expect(refusal({ bot_id: 'b', query_path })).toMatch(/^query_path /);
  });

  it('never throws, and what it lets through is one line of a request', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (path, params) => {
          const query = readQuery({ bot_id: 'b', query_path: path, params }, limits);
          if ('refused' in query) return;
          const target = queryTarget(query.path, query.params);
          expect(target).toMatch(/^\/[\x21-\x7e]*$/);
          expect(new URL(target, 'http://h').host === 'h' || target.startsWith('//')).toBe(true);
        },
      ),
    );
  });
});

describe('queryTarget', () => {
  it('puts parameters into the URL as strings, and leaves what is encoded', () => {
    expect(queryTarget('/a b/ü', { n: 3, s: 'x&y', o: { a: [1] }, t: true, z: null })).toBe(
      '/a%20b/%C3%BC?n=3&s=x%26y&o=%7B%22a%22%3A%5B1%5D%7D&t=true&z=null',
    );
    expect(queryTarget('/a%20b/100%', {})).toBe('/a%20b/100%25');
    expect(paramTexts({ a: 'b', n: 1.5 })).toEqual({ a: 'b', n: '1.5' });
  });
});

describe('readProgramAnswer', () => {
  it('reads answers and errors with what they say besides', () => {
    expect(readProgramAnswer('{"status":"ok","data":{"a":1}}')).toEqual({ status: 'ok', data: { a: 1 } });
    expect(readProgramAnswer('{"status":"ok"}')).toEqual({ status: 'ok', data: null });
    expect(readProgramAnswer('{"status":"error","error":"no such","available":["/a"]}')).toEqual({
      status: 'error',
      error: 'no such',
      extra: { available: ['/a'] },
    });
    expect(readProgramAnswer('{"status":"error","error":{"code":1}}')).toEqual({
      status: 'error',
      error: '{"code":1}',
    });
  });

  it('takes nothing else for an answer', () => {
    for (const text of ['', '<html>', '[]', '3', 'null', '{"data":1}', '{"status":"fine"}', '{"status":"ok"'])
      expect(readProgramAnswer(text), text).toBeUndefined();
    expect(noAnswerInWords({ status: 200, type: 'text/html' }, '<html>\n <b>hi')).toBe(
      'the query program answered HTTP 200 with text/html, which is no answer to a query: <html> <b>hi',
    );
  });

  it('loses no digit of a long number', () => {
    const text = '{"status":"ok","data":{"id":12345678901234567890,"price":0.1,"s":"9999999999999999999"}}';
    expect(JSON.stringify(readProgramAnswer(text))).toBe(text);
  });
});

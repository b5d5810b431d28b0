import { expect, it } from 'vitest';
import { type Exhausted, Unavailable } from '../errors.ts';
import { refusedQuery } from './refused.ts';

const headers = new Headers();
const asked = { id: 'b', path: '/x' };
const refused = (status: number, body: Record<string, unknown>, given = headers) =>
  refusedQuery(status, given, body, asked);

it.each([
  [400, { error: 'query_path may hold no ".."' }, 'invalid', 'path'],
  [400, { error: 'timeout_sec must be a number of seconds' }, 'invalid', 'timeout'],
  [413, { error: 'the body is larger than 1024 KB' }, 'invalid', ''],
  [401, { error: 'unauthorized' }, 'precondition', ''],
  [403, { error: 'query programs ask no queries' }, 'precondition', ''],
  [404, { error: 'bot not found: b' }, 'not-found', 'id'],
  [404, { error: 'bot b has no query entrypoint' }, 'not-found', 'id'],
  [429, { error: 'too many queries at once' }, 'exhausted', ''],
  [500, { error: 'division by zero' }, 'program', ''],
  [500, { error: 'no such query', available: ['/a'] }, 'invalid', 'path'],
  [500, {}, 'program', ''],
  [503, { error: 'the database is away' }, 'unavailable', ''],
  [504, { error: 'the query did not finish within 1 seconds' }, 'late', 'timeout'],
])('%i %j is told as %s of %j', (status, body, refusal, field) => {
  const error = refused(status, body);
  expect([error.refusal, error.field]).toEqual([refusal, field]);
  expect(error.cure).not.toBe('');
});

it('says after how long to ask again, as the query server does', () => {
  const after = (given?: string) =>
    (refused(429, {}, new Headers(given === undefined ? {} : { 'retry-after': given })) as Exhausted)
      .retryAfterMs;
  expect([after('3'), after(), after('Wed, 21 Oct 2026 07:28:00 GMT')]).toEqual([3_000, 1_000, 1_000]);
});

it('says that the query server is what has to be asked again, and never more than can be read', () => {
  const error = refused(503, { error: 'x'.repeat(1_000_000) });
  expect(error).toBeInstanceOf(Unavailable);
  expect(error).toMatchObject({ dependency: 'query-server' });
  expect(error.message.length).toBeLessThan(1_200);
});

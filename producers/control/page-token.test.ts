import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { InvalidRequest } from './errors.ts';
import { pageSize, pageToken, readPageToken } from './page-token.ts';

const key = z.tuple([z.number(), z.string()]);
const query = { list: 'runs', filter: { schedule: 's', states: ['failed'] }, order: 'nominal' };

describe('a page token', () => {
  it('gives back the key of its own query, whatever order the query’s parts stand in', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), (at, id) => {
        const token = pageToken(query, [at, id]);
        const { list, ...rest } = query;
        expect(readPageToken({ order: rest.order, list, filter: rest.filter }, token, key)).toEqual([at, id]);
      }),
    );
  });

  it('that is missing or empty asks for the first page', () => {
    expect(readPageToken(query, undefined, key)).toBeUndefined();
    expect(readPageToken(query, '', key)).toBeUndefined();
  });

  it.each([
    { ...query, list: 'schedules' },
    { ...query, order: 'id' },
    { ...query, filter: { ...query.filter, schedule: 'other' } },
    { ...query, filter: { ...query.filter, states: ['failed', 'queued'] } },
  ])('of another query is refused, with the field and the cure (%j)', (other) => {
    const token = pageToken(query, [1, 'x']);
    const wrong = (): unknown => readPageToken(other, token, key);
    expect(wrong).toThrow(InvalidRequest);
    expect(wrong).toThrow(/belongs to a query with another filter or order: repeat the query/);
    expect(wrong).toThrow(expect.objectContaining({ field: 'page.token', code: 'invalid_request' }) as Error);
  });

  it('that somebody made up is refused and never thrown over', () => {
    const hash = JSON.parse(Buffer.from(pageToken(query, []), 'base64url').toString()) as [string];
    const forged = (parts: unknown): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
    const texts = [
      'x',
      '%%%',
      forged('text'),
      forged(null),
      forged([]),
      forged([1, 1, 'x']),
      // The query's own hash, with a key that would be an operator in a query of MongoDB.
      forged([...hash, { $gt: 0 }, 'x']),
      forged([...hash, 1]),
      forged([...hash, 1, 'x', 'y']),
    ];
    for (const text of texts)
      expect(() => readPageToken(query, text, key), text).toThrow(
        /^The page token cannot be read: hand back/,
      );
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text !== '');
        expect(() => readPageToken(query, text, key)).toThrow(InvalidRequest);
      }),
    );
  });
});

describe('the size of a page', () => {
  it('is a hundred where nothing is said, and has bounds', () => {
    expect([pageSize(undefined), pageSize(0), pageSize(1), pageSize(1000)]).toEqual([100, 100, 1, 1000]);
    for (const size of [-1, 1.5, 1001]) expect(() => pageSize(size)).toThrow(/ask for 1 to 1000/);
  });
});

import { describe, expect, it } from 'vitest';
import { pathsOf } from './query-paths.ts';

describe('the queries of a bot', () => {
  it('are those that it names', () =>
    expect(pathsOf({ available_queries: ['/health', '/info', '/portfolio', '/info'] })).toEqual([
      '/health',
      '/info',
      '/portfolio',
    ]));

  it.each([
    null,
    'x',
    [],
    { available_queries: '/x' },
    { available_queries: [1, 'no path', null, '/' + 'x'.repeat(999)] },
  ])('are none in %j', (info) => expect(pathsOf(info)).toEqual([]));

  it('are no more than can be shown', () =>
    expect(pathsOf({ available_queries: Array.from({ length: 999 }, (_, at) => `/${at}`) })).toHaveLength(
      40,
    ));
});

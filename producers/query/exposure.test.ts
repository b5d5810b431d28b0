import { expect, it } from 'vitest';
import { openToOthers } from './exposure.ts';

it.each([
  { QUERY_SERVER_HOST: '127.0.0.1' },
  { QUERY_SERVER_HOST: '0.0.0.0', QUERY_TOKEN: 'a-token-of-some-length' },
  // The container of an installation.
  { QUERY_SERVER_HOST: '0.0.0.0', QUERY_PUBLISHED_HOST: '127.0.0.1' },
])('nothing is said where only this machine, or who has the token, can ask: %o', (settings) => {
  expect(openToOthers({ QUERY_PUBLISHED_HOST: undefined, QUERY_TOKEN: undefined, ...settings })).toBe(
    undefined,
  );
});

it.each([
  [{ QUERY_SERVER_HOST: '0.0.0.0' }, 'QUERY_SERVER_HOST=0.0.0.0'],
  [{ QUERY_SERVER_HOST: '10.0.0.5' }, 'QUERY_SERVER_HOST=10.0.0.5'],
  [{ QUERY_SERVER_HOST: '0.0.0.0', QUERY_PUBLISHED_HOST: '192.168.7.1' }, 'QUERY_PUBLISHED_HOST=192.168.7.1'],
])('it is said which setting lets others ask without a token: %o', (settings, listening) => {
  expect(openToOthers({ QUERY_PUBLISHED_HOST: undefined, QUERY_TOKEN: undefined, ...settings })).toEqual({
    listening,
  });
});

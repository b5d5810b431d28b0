import { expect, it } from 'vitest';
import { hasCsrfToken, isCrossSite, mayChange } from './forgery.ts';

const host = 'runtime.example:8090';
const post = { host, origin: undefined, secFetchSite: undefined };

it.each([
  ['our own page', { ...post, origin: `http://${host}`, secFetchSite: 'same-origin' }, false],
  ['our own page behind TLS that ends at a proxy', { ...post, origin: `https://${host}` }, false],
  ['a program', post, false],
  ['another site', { ...post, origin: 'https://evil.example' }, true],
  ['another port of our host', { ...post, origin: 'http://runtime.example:3000' }, true],
  ['a sibling domain', { ...post, origin: `http://${host}`, secFetchSite: 'same-site' }, true],
  ['a sandboxed page', { ...post, origin: 'null' }, true],
  ['another site that hides its name', { ...post, secFetchSite: 'cross-site' }, true],
  ['an address that a person typed', { ...post, secFetchSite: 'none' }, true],
])('judges %s', (_name, headers, verdict) => {
  expect(isCrossSite(headers)).toBe(verdict);
});

it('takes reads for reads, and all else for changes', () => {
  expect(['GET', 'HEAD', 'OPTIONS'].map(mayChange)).toEqual([false, false, false]);
  expect(['POST', 'PUT', 'PATCH', 'DELETE', 'BREW'].map(mayChange)).toEqual([true, true, true, true, true]);
});

it('knows the session’s token, and nothing like it', () => {
  expect(hasCsrfToken('right', 'right')).toBe(true);
  for (const wrong of [undefined, '', 'righ', 'rightx', ['right'], { right: true }])
    expect(hasCsrfToken(wrong, 'right')).toBe(false);
});

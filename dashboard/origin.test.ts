import { expect, it } from 'vitest';
import { isCrossSite } from './origin.ts';

const host = 'runtime.example:8090';
const post = { method: 'POST', host, origin: undefined, secFetchSite: undefined };

it.each([
  [
    'a read, from anywhere',
    { ...post, method: 'GET', origin: 'https://evil.example', secFetchSite: 'cross-site' },
    false,
  ],
  ['our own page', { ...post, origin: `http://${host}`, secFetchSite: 'same-origin' }, false],
  ['our own page behind TLS that ends at a proxy', { ...post, origin: `https://${host}` }, false],
  ['a program', post, false],
  ['another site', { ...post, origin: 'https://evil.example' }, true],
  ['another port of our host', { ...post, origin: 'http://runtime.example:3000' }, true],
  ['a sibling domain', { ...post, origin: `http://${host}`, secFetchSite: 'same-site' }, true],
  ['a sandboxed page', { ...post, origin: 'null' }, true],
  ['a PUT of another site', { ...post, method: 'PUT', secFetchSite: 'cross-site' }, true],
])('judges %s', (_name, headers, verdict) => {
  expect(isCrossSite(headers)).toBe(verdict);
});

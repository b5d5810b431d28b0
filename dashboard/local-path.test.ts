import { expect, it } from 'vitest';
import { localPath } from './local-path.ts';

it.each([
  ['/bots/x?tab=log', '/bots/x?tab=log'],
  ['/queues/queue/start', '/queues/queue/start'],
  ['https://evil.example/x', '/'],
  ['//evil.example/x', '/'],
  ['/\\evil.example', '/'],
  ['/%2e%2e//evil.example', '/'],
  ['/\t/evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/login?next=/login', '/'],
  ['/logout', '/'],
  [undefined, '/'],
  [['/bots', '/runs'], '/'],
])('%j leads to %s', (next, expected) => {
  expect(localPath(next)).toBe(expected);
});

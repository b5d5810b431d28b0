import { expect, it } from 'vitest';
import { found, newCanary } from './canary.ts';

it('finds a secret as it is and in the usual writings, and nothing where there is none', () => {
  const secret = newCanary('A secret');
  const secrets = new Map([
    ['one', secret],
    ['other', newCanary('A secret')],
  ]);
  const base64 = (before: string) => Buffer.from(`${before}${secret} and more`).toString('base64');
  const hidden = [
    secret,
    `x${secret}y`,
    base64(''),
    base64('a'),
    base64('ab'),
    Buffer.from(secret).toString('hex'),
  ];
  for (const text of hidden) expect(found(new Map([['place', text]]), secrets), text).toEqual(['place: one']);
  expect(found(new Map([['place', 'canary-a-secret-']]), secrets)).toEqual([]);
});

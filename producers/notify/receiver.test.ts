import { expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { receiversOf } from './receiver.ts';

const kindsOf = (environment: Record<string, string>) =>
  receiversOf(loadSettings(environment)).map(({ url, kinds }) => [url, [...kinds].sort()]);

it('an address that is named twice is one receiver, which wants what either asks for', () => {
  const NOTIFY_URLS = 'https://a/x#failed, https://b/, https://a/x#capacity+failed, https://a/y#failed';
  expect(kindsOf({ NOTIFY_URLS, NOTIFY_KINDS: 'missed-ticks' })).toEqual([
    ['https://a/x', ['capacity', 'failed']],
    ['https://b/', ['missed-ticks']],
    ['https://a/y', ['failed']],
  ]);
  expect(kindsOf({ NOTIFY_URLS: 'https://a/x#failed,https://a/x', NOTIFY_KINDS: 'missed-ticks' })).toEqual([
    ['https://a/x', ['failed', 'missed-ticks']],
  ]);
});

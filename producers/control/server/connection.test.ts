import { expect, it } from 'vitest';
import { loadSettings } from '../../../infra/config/load.ts';
import { connectionOf } from './connection.ts';
import { proxiesOf } from './proxies.ts';

const forwarded = {
  host: '127.0.0.1:8090',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'runtime.example',
};
const asTold = { client: '203.0.113.9', secure: true, host: 'runtime.example' };
const asSeen = { client: '192.0.2.7', secure: false, host: '127.0.0.1:8090' };

it.each([
  ['0', asSeen],
  ['1', asTold],
  ['192.0.2.7', asTold],
  ['192.0.2.0/29', asTold],
  ['10.0.0.0/8', asSeen],
])('what a proxy tells is believed by CONTROL_BEHIND_PROXY=%s: %j', (setting, expected) => {
  const { CONTROL_BEHIND_PROXY } = loadSettings({ CONTROL_BEHIND_PROXY: setting });
  const incoming = { socket: { remoteAddress: '192.0.2.7' }, headers: forwarded };
  expect(connectionOf(incoming, proxiesOf(CONTROL_BEHIND_PROXY))).toEqual(expected);
});

it('knows TLS of its own, and a proxy that speaks none', () => {
  const socket = { remoteAddress: '192.0.2.7', encrypted: true };
  expect(connectionOf({ socket, headers: {} }, proxiesOf(false)).secure).toBe(true);
  const headers = { ...forwarded, 'x-forwarded-proto': 'https, http' };
  expect(connectionOf({ socket: { remoteAddress: '192.0.2.7' }, headers }, proxiesOf(true)).secure).toBe(
    false,
  );
});

import { expect, it } from 'vitest';
import { loadSettings } from '../../../infra/config/load.ts';
import { clientAddress } from './client-address.ts';
import { proxiesOf } from './proxies.ts';

const from = (remoteAddress: string | undefined, forwarded?: string | string[]) => ({
  socket: { remoteAddress },
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
});
const LISTED = '10.0.0.0/8, 192.0.2.7, fd00::/8';

it.each([
  ['an IPv4 address', from('192.0.2.1'), '0', '192.0.2.1'],
  ['the same as a dual-stack socket tells it', from('::ffff:192.0.2.1'), '0', '192.0.2.1'],
  ['all addresses of one IPv6 network', from('2001:db8:1:2:aaaa::1'), '0', '2001:db8:1:2::/64'],
  ['one that is written short', from('2001:db8::1'), '0', '2001:db8:0:0::/64'],
  ['loopback', from('::1'), '0', '0:0:0:0::/64'],
  ['a header that anybody may send', from('192.0.2.1', '203.0.113.9'), '0', '192.0.2.1'],
  ['what the proxy added, not what came to it', from('10.0.0.1', '6.6.6.6, 203.0.113.9'), '1', '203.0.113.9'],
  ['the same in two headers', from('10.0.0.1', ['6.6.6.6', '203.0.113.9']), '1', '203.0.113.9'],
  ['a proxy that said nothing', from('10.0.0.1'), '1', '10.0.0.1'],
  ['a proxy of ours, by its address', from('::ffff:10.0.0.1', '6.6.6.6, 203.0.113.9'), LISTED, '203.0.113.9'],
  ['several of them', from('fd00::1', '6.6.6.6, 203.0.113.9, 192.0.2.7, 10.1.1.1'), LISTED, '203.0.113.9'],
  ['nobody of ours, with a header of its own', from('192.0.2.8', '203.0.113.9'), LISTED, '192.0.2.8'],
  ['proxies alone', from('10.0.0.1', '10.0.0.2'), LISTED, '10.0.0.2'],
  ['a header that is no address', from('10.0.0.1', `6.6.6.6, ${'<'.repeat(99)}`), LISTED, '<'.repeat(64)],
  ['a socket that is gone', from(undefined), LISTED, 'unknown'],
])('%s', (_what, incoming, setting, expected) => {
  const { CONTROL_BEHIND_PROXY } = loadSettings({ CONTROL_BEHIND_PROXY: setting });
  expect(clientAddress(incoming, proxiesOf(CONTROL_BEHIND_PROXY))).toBe(expected);
});

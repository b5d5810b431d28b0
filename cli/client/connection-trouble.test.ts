import { expect, it } from 'vitest';
import { EXIT } from '../errors.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { readServerUrl } from './server-url.ts';

const server = readServerUrl('https://trade.example:8090');
const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });
const within = (cause: Error): Error => new Error('[unavailable] it failed', { cause });

it.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /signed by nobody whom this machine trusts.*THE0_CA_FILE/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /signed by nobody/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /its certificate is not for trade\.example/],
  ['CERT_HAS_EXPIRED', /has expired/],
  ['CERT_NOT_YET_VALID', /clocks of both machines/],
  ['ECONNREFUSED', /nothing listens there/],
  ['ENOTFOUND', /there is no host "trade\.example"/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak HTTP with TLS/],
  ['EHOSTUNREACH', /EHOSTUNREACH$/],
])('%s is told in words', (code, words) => {
  const told = connectionTrouble(within(coded(code)), server);
  expect(told.message).toMatch(words);
  expect(told.message).toContain('The control API at https://trade.example:8090 cannot be reached: ');
  expect(told.exitCode).toBe(EXIT.unreachable);
});

it('of what TLS says, only the reason is told', () => {
  const text =
    'write EPROTO 403D:error:0A00010B:SSL routines:tls_validate:wrong version number:../ssl.c:77:\n';
  expect(connectionTrouble(within(coded('EPROTO', text)), server).message).toContain(
    'does not speak HTTP with TLS (wrong version number). See',
  );
});

it('of several addresses that were tried, tells what one said', () => {
  const all = new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')], '');
  expect(connectionTrouble(within(all), server).message).toContain('nothing listens there');
});

it('gRPC at the port of HTTP is told with what would be right', () => {
  const grpc = readServerUrl('grpc://trade.example:8090');
  expect(connectionTrouble(within(coded('ERR_HTTP2_ERROR', 'Protocol error')), grpc).message).toMatch(
    /does not speak gRPC in clear \(Protocol error\).*50051/,
  );
});

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { checkExposure } from './exposure.ts';

async function warnings(options: {
  host: string;
  tls?: boolean;
  behindProxy?: boolean;
  hasToken?: boolean;
}): Promise<string[]> {
  const lines: string[] = [];
  const log = pino(
    {},
    { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const { host, tls = false, behindProxy = false, hasToken = true } = options;
  await checkExposure({
    hosts: [{ setting: 'GRPC_HOST', host }],
    hasToken: async () => hasToken,
    tls,
    behindProxy,
    log,
  });
  return lines;
}

it('warns where tokens travel in clear', async () => {
  expect(await warnings({ host: '0.0.0.0' })).toEqual([expect.stringMatching(/^Tokens travel in clear/)]);
  expect(await warnings({ host: '0.0.0.0', tls: true })).toEqual([]);
  expect(await warnings({ host: '0.0.0.0', behindProxy: true })).toEqual([]);
  expect(await warnings({ host: '127.0.0.1' })).toEqual([]);
});

it('says on loopback that nobody can call it yet, and refuses elsewhere, TLS or not', async () => {
  expect(await warnings({ host: '127.0.0.1', hasToken: false })).toEqual([
    expect.stringMatching(/^There is no token yet/),
  ]);
  await expect(warnings({ host: '::', hasToken: false, tls: true })).rejects.toThrow(
    /refuses to listen on GRPC_HOST=::/,
  );
});

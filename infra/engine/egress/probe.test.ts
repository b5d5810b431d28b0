import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROBE_SCRIPT } from './probe.ts';

/** A machine whose PATH has these programs alone, as the small images of compiled languages have. */
let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'probe-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function pathOf(...programs: string[]): Promise<string> {
  const folder = await mkdtemp(join(base, 'bin-'));
  for (const program of programs) {
    const found = (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((directory) => join(directory, program))
      .find((file) => existsSync(file));
    if (found === undefined) throw new Error(`${program} is missing on this machine`);
    await symlink(found, join(folder, program));
  }
  return folder;
}

const ends = (path: string, port: number): Promise<number> =>
  new Promise((resolve) => {
    const child = execFile('/bin/sh', ['-c', PROBE_SCRIPT, 'probe', '127.0.0.1', String(port)], {
      env: { PATH: path },
    });
    child.once('close', (code) => resolve(code ?? -1));
  });

it.each([['bash', 'timeout'], ['node']])(
  'tells an open port from a closed one by %s',
  async (...programs) => {
    const path = await pathOf(...programs);
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await ends(path, port)).toBe(0);
    await new Promise((resolve) => server.close(resolve));
    expect(await ends(path, port)).toBe(3);
  },
);

it('says so where there is nothing to connect with', async () => {
  expect(await ends(await pathOf('ls'), 1)).toBe(9);
});

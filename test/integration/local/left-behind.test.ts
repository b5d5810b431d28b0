import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { isAlive } from '../../../bin/lock.mjs';
import { DirectoryInUse } from '../../../infra/local/errors.ts';
import { obtainProgramOrThrow } from '../../../infra/local/obtain.ts';
import { startRedis } from '../../../infra/local/redis.ts';
import { until } from '../../support/poll.ts';
import { testDirectory } from '../../support/servers.ts';

const owners: ChildProcess[] = [];
afterEach(() => {
  for (const owner of owners.splice(0)) owner.kill('SIGKILL');
});

/** Another process that runs a server in `dir`; resolves with the server's pid. */
async function owner(dir: string, path?: string): Promise<{ process: ChildProcess; serverPid: number }> {
  const { path: binary } = await obtainProgramOrThrow('redis', process.env);
  const module = new URL('../../../infra/local/redis.ts', import.meta.url).href;
  const script = `const { startRedis } = await import(${JSON.stringify(module)});
    const server = await startRedis({ dir: ${JSON.stringify(dir)}, binary: ${JSON.stringify(binary)} });
    console.log(server.pid); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(path === undefined ? {} : { PATH: path }) },
  });
  owners.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, serverPid: Number(line.toString()) };
}

const lives = (pid: number): boolean => isAlive({ pid });

it('a server dies with the process that started it, however that one dies', async () => {
  const { process: child, serverPid } = await owner(testDirectory());
  expect(lives(serverPid)).toBe(true);
  child.kill('SIGKILL');
  await until(() => !lives(serverPid));
});

it('a server that was left behind all the same is ended by the next start in its directory', async () => {
  const dir = testDirectory();
  // Without the program that makes the kernel end it, the server outlives its owner.
  const bare = testDirectory();
  mkdirSync(bare, { recursive: true });
  symlinkSync(process.execPath, join(bare, 'node'));
  const { process: child, serverPid } = await owner(dir, bare);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(lives(serverPid)).toBe(true);
  const lines: string[] = [];
  await using server = await startRedis({ dir, log: (line) => void lines.push(line) });
  expect(lives(serverPid)).toBe(false);
  expect(server.pid).not.toBe(serverPid);
  expect(lines).toEqual([`stopped process ${serverPid}, left behind by a run that was killed`]);
});

it('a server whose owner lives is left alone, and the owner is named', async () => {
  const dir = testDirectory();
  const { process: child, serverPid } = await owner(dir);
  const attempt = startRedis({ dir });
  await expect(attempt).rejects.toThrow(DirectoryInUse);
  await expect(attempt).rejects.toThrow(`in use by process ${child.pid ?? 0}`);
  expect(lives(serverPid)).toBe(true);
});

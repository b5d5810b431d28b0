import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { composeArguments, startInContainer, type Run } from './containers.ts';
import type { Environment } from './types.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'the0-compose-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it('names the project after the data directory, so that two clones do not meet', () => {
  const [, , first] = composeArguments('/a', 'up');
  expect(first).toMatch(/^the0-dev-[0-9a-f]{12}$/);
  expect(composeArguments('/a', 'up')[2]).toBe(first);
  expect(composeArguments('/b', 'up')[2]).not.toBe(first);
});

it('asks compose for the one server, on the port that was chosen', async () => {
  const calls: { args: readonly string[]; environment: Environment }[] = [];
  const run: Run = (args, environment) => {
    calls.push({ args, environment });
    return Promise.resolve({ code: 1, output: 'failed to resolve reference: no such host' });
  };
  await expect(startInContainer('nats', { dir, port: 5222 }, {}, run)).rejects.toThrow(
    'the image could not be pulled',
  );
  expect(calls).toHaveLength(1);
  expect(calls[0]?.args.slice(-3)).toEqual(['up', '--detach', 'nats']);
  expect(calls[0]?.environment['NATS_PORT']).toBe('5222');
});

it.each([
  ['docker: unknown command: docker compose', 'docker has no compose plugin'],
  [
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock',
    'the container engine does not answer',
  ],
  ['yaml: line 3', 'docker compose failed: yaml: line 3'],
])('says what is the matter when docker says %j', async (output, message) => {
  const run: Run = () => Promise.resolve({ code: 1, output });
  await expect(startInContainer('redis', { dir, port: 6379 }, {}, run)).rejects.toThrow(message);
});

it('gives Redis the same settings that it has where it is started as a program', async () => {
  const text = await readFile(new URL('../compose.dev.yaml', import.meta.url), 'utf8');
  const { services } = parse(text) as { services: { redis: { command: string[] } } };
  const of = (name: string): string | undefined =>
    services.redis.command[services.redis.command.indexOf(name) + 1];
  const source = await readFile(new URL('redis.ts', import.meta.url), 'utf8');
  for (const name of ['--hz', '--maxmemory-policy', '--appendonly'])
    expect(new RegExp(`'${name}',\\s+'([^']+)'`).exec(source)?.[1], name).toBe(of(name));
});

it('says that there is no docker', async () => {
  const run: Run = () => Promise.reject(new Error('spawn docker ENOENT'));
  await expect(startInContainer('redis', { dir, port: 6379 }, {}, run)).rejects.toMatchObject({
    message: 'docker does not run: spawn docker ENOENT',
    cure: expect.stringContaining('docker.io') as string,
  });
});

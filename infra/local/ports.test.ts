import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { freePorts, isPortFree, usualOrFreePort } from './ports.ts';

it('takes the usual port where it is free', async () => {
  await expect(usualOrFreePort(6379, () => Promise.resolve(true))).resolves.toBe(6379);
});

it('takes another where the usual one is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await expect(isPortFree(port)).resolves.toBe(false);
  await expect(usualOrFreePort(port)).resolves.not.toBe(port);
  server.close();
});

it('finds different ports, passing over those in use', async () => {
  const draws = [0, 0, 0.5, 0.5, 0.9];
  const ports = await freePorts(
    2,
    (port) => Promise.resolve(port !== 20_000),
    () => draws.shift() ?? 0.99,
  );
  expect(ports).toEqual([26_000, 30_800]);
});

it('gives up instead of searching for ever', async () => {
  await expect(freePorts(1, () => Promise.resolve(false))).rejects.toThrow('Only 0 of 1 free ports');
});

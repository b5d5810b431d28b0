import { tmpdir } from 'node:os';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { engineFolder, hostMetrics } from './host-metrics.ts';

it('tells what is free of memory and disks, and leaves out a folder that is not there', async () => {
  const registry = new Registry();
  const folders: Record<string, string> = { temporary: tmpdir(), gone: '/no/such/folder' };
  hostMetrics({ registry, folders });
  const value = async (series: string): Promise<number> =>
    Number(
      (await registry.metrics())
        .split('\n')
        .find((line) => line.startsWith(series))
        ?.split(' ')
        .at(-1),
    );
  const free = await value('the0_disk_free_bytes{of="temporary"}');
  expect(free).toBeGreaterThan(0);
  expect(await value('the0_disk_size_bytes{of="temporary"}')).toBeGreaterThanOrEqual(free);
  expect(await value('the0_disk_free_bytes{of="gone"}')).toBeNaN();
  expect(await value('the0_host_memory_available_bytes')).toBeGreaterThan(0);
  expect(await value('the0_host_memory_bytes')).toBeGreaterThan(
    await value('the0_host_memory_available_bytes'),
  );
});

it.each([
  ['on the engine’s host', false, true, '/var/lib/docker'],
  ['where the engine is on another host', false, false, '/var/lib/docker'],
  ['in a container of it', true, false, '/'],
  ['in a container with an engine of its own', true, true, '/var/lib/docker'],
])('looks for the engine’s disk %s', (_where, isContained, isThere, expected) => {
  const exists = (path: string): boolean => isThere && path === '/var/lib/docker';
  expect(engineFolder('/var/lib/docker', { isContained, exists })).toBe(expected);
});

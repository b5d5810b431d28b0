import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { StateMetrics } from './metrics.ts';

it('counts saves and restores by what became of them, and times what was saved', async () => {
  const registry = new Registry();
  const metrics = new StateMetrics({ registry });
  await metrics.save(async () => ({ kind: 'saved', bytes: 2_048, files: 1, problems: [], again: false }));
  await metrics.save(async () => ({ kind: 'unchanged', problems: [], again: false }));
  const away = (): Promise<never> => Promise.reject(new Error('S3 is away'));
  await expect(metrics.save(away)).rejects.toThrow('S3 is away');
  await metrics.restore(async () => undefined);
  await expect(metrics.restore(away)).rejects.toThrow('S3 is away');
  const text = await registry.metrics();
  for (const line of [
    'the0_state_saves_total{outcome="saved"} 1',
    'the0_state_saves_total{outcome="unchanged"} 1',
    'the0_state_saves_total{outcome="failed"} 1',
    'the0_state_saves_total{outcome="too-large"} 0',
    'the0_state_save_seconds_count 1',
    'the0_state_saved_bytes_total 2048',
    'the0_state_restores_total{outcome="ready"} 1',
    'the0_state_restores_total{outcome="failed"} 1',
  ])
    expect(text).toContain(line);
});

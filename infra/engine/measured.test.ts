import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createFakeEngine } from './fake/index.ts';
import { EngineUnavailable } from './errors.ts';
import { measuredEngine } from './measured.ts';

it('counts calls by outcome, times those that worked, and changes nothing', async () => {
  await using fake = createFakeEngine({ installation: 'measured' });
  const registry = new Registry();
  const engine = measuredEngine(fake, { registry });
  expect(engine.installation).toBe('measured');
  expect(await engine.list()).toEqual([]);
  expect(await engine.list()).toEqual([]);
  await fake.control.setUnavailable(true);
  await expect(engine.list()).rejects.toThrow(EngineUnavailable);
  const text = await registry.metrics();
  expect(text).toContain('the0_engine_calls_total{call="list",outcome="ok"} 2');
  expect(text).toContain('the0_engine_calls_total{call="list",outcome="engine_unavailable"} 1');
  expect(text).toContain('the0_engine_call_seconds_count{call="list"} 2');
});

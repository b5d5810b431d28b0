import { Counter } from 'prom-client';
import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

it('labels every series with the service and includes the process basics', async () => {
  const metrics = createMetrics({ service: 'bot-runner', version: '1.2.3' });
  new Counter({ name: 'things_total', help: 'things', registers: [metrics.registry] }).inc();
  const { contentType, body } = await metrics.render();
  expect(contentType).toMatch(/^text\/plain/);
  expect(body).toContain('things_total{service="bot-runner"} 1');
  expect(body).toContain('the0_build_info{version="1.2.3",service="bot-runner"} 1');
  expect(body).toMatch(/process_resident_memory_bytes\{service="bot-runner"\} \d+/);
});

it('keeps two registries of one process apart', async () => {
  const of = (service: string) => createMetrics({ service, version: '0' });
  const [one, two] = [of('a'), of('b')];
  new Counter({ name: 'only_one_total', help: 'x', registers: [one.registry] }).inc();
  expect((await two.render()).body).not.toContain('only_one_total');
});

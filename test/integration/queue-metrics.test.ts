import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMetrics } from '../../infra/metrics.ts';
import { connectRedis } from '../../infra/redis.ts';
import { QueueMetrics } from '../../queues/metrics.ts';
import { BotQueues } from '../../queues/queues.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const { installation, redisUrl: url } = testServers();
const redis = connectRedis(url, { role: 'producer', onError: () => undefined });
let queues: BotQueues;
/** Where the time is not what is tested: a busy machine gets no scrape without gauges. */
const PATIENT_MS = 20_000;

beforeAll(async () => {
  await until(() => redis.status === 'ready');
  queues = new BotQueues({ connection: redis, installation, onError: () => undefined });
});

afterAll(async () => {
  await Promise.all(Object.values(queues.byName).map((queue) => queue.obliterate({ force: true })));
  await queues.close();
  redis.disconnect();
});

it('shows depth, oldest age and outcomes of each queue', async () => {
  const metrics = createMetrics({ service: 'test', version: '0' });
  const queueMetrics = new QueueMetrics({
    registry: metrics.registry,
    queues: queues.byName,
    now: () => Date.now() + 60_000,
    timeoutMs: PATIENT_MS,
  });
  const before = await queues.byName.stop.getWaitingCount();
  await queues.add([
    { queue: 'stop', job: { botId: 'metrics-1', cause: 'test' }, urgency: 'resync' },
    { queue: 'stop', job: { botId: 'metrics-2', cause: 'test' }, urgency: 'resync', delayMs: 60_000 },
  ]);
  queueMetrics.count('stop', 'succeeded');
  const { body } = await metrics.render();
  const value = (name: string, labels: string) =>
    Number(new RegExp(`^${name}\\{${labels},service="test"\\} (\\S+)$`, 'm').exec(body)?.[1]);
  expect(value('the0_queue_jobs', 'queue="stop",state="waiting"')).toBe(before + 1);
  expect(value('the0_queue_jobs', 'queue="stop",state="delayed"')).toBe(1);
  expect(value('the0_queue_oldest_age_seconds', 'queue="stop",state="waiting"')).toBeGreaterThanOrEqual(60);
  expect(value('the0_queue_oldest_age_seconds', 'queue="stop",state="active"')).toBe(0);
  expect(value('the0_jobs_total', 'queue="stop",outcome="succeeded"')).toBe(1);
  expect(value('the0_jobs_total', 'queue="start",outcome="failed"')).toBe(0);
  expect(body).toContain('the0_queue_redis_up{service="test"} 1');
});

it('tells which queues are paused', async () => {
  const metrics = createMetrics({ service: 'test', version: '0' });
  new QueueMetrics({ registry: metrics.registry, queues: queues.byName, cacheMs: 0, timeoutMs: PATIENT_MS });
  const paused = async (queue: string) =>
    new RegExp(`^the0_queue_paused\\{queue="${queue}",service="test"\\} (\\S+)$`, 'm').exec(
      (await metrics.render()).body,
    )?.[1];
  await queues.byName.stop.pause();
  try {
    expect([await paused('stop'), await paused('start')]).toEqual(['1', '0']);
  } finally {
    await queues.byName.stop.resume();
  }
  expect(await paused('stop')).toBe('0');
});

it('answers within a second or so when Redis is away, without stale depths', async () => {
  const away = connectRedis('redis://127.0.0.1:1', { role: 'worker', onError: () => undefined });
  const theirs = new BotQueues({ connection: away, installation, onError: () => undefined });
  const metrics = createMetrics({ service: 'test', version: '0' });
  new QueueMetrics({ registry: metrics.registry, queues: theirs.byName, timeoutMs: 100 });
  const began = performance.now();
  const { body } = await metrics.render();
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(body).toContain('the0_queue_redis_up{service="test"} 0');
  expect(body).not.toMatch(/^the0_queue_(jobs|paused)\{/m);
  away.disconnect();
  await theirs.close().catch(() => undefined);
});

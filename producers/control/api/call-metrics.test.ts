import { Code, ConnectError, type UnaryRequest, type UnaryResponse } from '@connectrpc/connect';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { BotService } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { callMetrics } from './call-metrics.ts';

it('counts calls by method and code, and times them', async () => {
  const registry = new Registry();
  const request = { method: BotService.method.getBot, stream: false } as unknown as UnaryRequest;
  const intercept = callMetrics({ registry });
  const call = (answer: () => Promise<UnaryResponse>) => intercept(answer)(request);
  await call(async () => ({ stream: false }) as UnaryResponse);
  await expect(
    call(() => Promise.reject(new ConnectError('There is no bot x', Code.NotFound))),
  ).rejects.toThrow();
  const text = await registry.metrics();
  expect(text).toContain('the0_api_calls_total{method="BotService/GetBot",code="ok"} 1');
  expect(text).toContain('the0_api_calls_total{method="BotService/GetBot",code="not_found"} 1');
  expect(text).toContain('the0_api_call_seconds_count{method="BotService/GetBot"} 2');
});

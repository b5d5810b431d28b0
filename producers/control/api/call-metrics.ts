import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { Counter, Histogram, type Registry } from 'prom-client';
import { methodName } from './method-roles.ts';

/** Seconds, from a millisecond to a minute. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

/** Counts calls by method and code, and times those that are answered once. Outermost, where failures have their code. */
export function callMetrics({ registry }: { registry: Registry }): Interceptor {
  const registers = [registry];
  const calls = new Counter({
    name: 'the0_api_calls_total',
    help: 'Calls of the control API, by method and code; of a stream, when it began',
    labelNames: ['method', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'the0_api_call_seconds',
    help: 'How long calls of the control API took, streams left out',
    labelNames: ['method'],
    buckets: BUCKETS,
    registers,
  });
  return (next) => async (request) => {
    const method = methodName(request.method);
    const beganMs = performance.now();
    try {
      const answer = await next(request);
      calls.inc({ method, code: 'ok' });
      return answer;
    } catch (error) {
      calls.inc({ method, code: snakeCase(Code[ConnectError.from(error).code]) });
      throw error;
    } finally {
      if (!request.stream) seconds.observe({ method }, (performance.now() - beganMs) / 1000);
    }
  };
}

/** `not_found`: as the API's documentation has codes. */
export const snakeCase = (name: string): string =>
  name.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();

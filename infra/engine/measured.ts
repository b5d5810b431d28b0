import { Counter, Histogram, type Registry } from 'prom-client';
import { EngineError } from './errors.ts';
import type { Engine } from './port.ts';
import { wrapped, type Wrappable } from './wrapped.ts';

/** Calls that ask once and are answered. Streams and `wait` last as long as what they follow. */
const CALLS = [
  'identify',
  'capabilities',
  'hostFacts',
  'create',
  'start',
  'stop',
  'remove',
  'inspect',
  'list',
  'confinement',
  'readArchive',
  'writeArchive',
  'pathMode',
  'usage',
  'resolveImage',
  'pullImage',
  'removeImage',
  'createVolume',
  'inspectVolume',
  'listVolumes',
  'listFiles',
  'volumePath',
  'emptyVolume',
  'removeVolume',
  'ensureNetwork',
  'removeNetwork',
  'ensureInternalNetwork',
  'listInternalNetworks',
  'removeInternalNetwork',
  'joinInternalNetwork',
] as const satisfies readonly Wrappable[];

/** Seconds, from a millisecond to five minutes: pulls and stops take their time. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The same engine, whose calls are counted and timed: by call and, where one failed, by the error's code. */
export function measuredEngine(engine: Engine, { registry }: { registry: Registry }): Engine {
  const registers = [registry];
  const calls = new Counter({
    name: 'the0_engine_calls_total',
    help: 'Calls of the container engine, by call and outcome: ok, or the code of the error',
    labelNames: ['call', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'the0_engine_call_seconds',
    help: 'How long calls of the container engine took that worked',
    labelNames: ['call'],
    buckets: BUCKETS,
    registers,
  });
  return wrapped(engine, CALLS, (call, method) => {
    // Bound once: looked up for each call, they would cost more than the counting. Made at its first use, so that
    // what is never called has no series.
    let worked: { count: { inc(): void }; time: { observe(value: number): void } } | undefined;
    return async (...args) => {
      const beganMs = performance.now();
      try {
        const answer = await method(...args);
        worked ??= { count: calls.labels(call, 'ok'), time: seconds.labels(call) };
        worked.count.inc();
        worked.time.observe((performance.now() - beganMs) / 1000);
        return answer;
      } catch (error) {
        calls.inc({ call, outcome: outcomeOf(error) });
        throw error;
      }
    };
  });
}

/** Codes are a closed list, so that the label stays bounded. */
function outcomeOf(error: unknown): string {
  if (error instanceof EngineError) return error.code;
  return error instanceof Error && error.name === 'AbortError' ? 'aborted' : 'unexpected';
}

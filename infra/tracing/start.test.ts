import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { startOtlpCollector, type OtlpCollector } from '../../test/support/otlp-collector.ts';
import { until } from '../../test/support/poll.ts';
import { loadSettings, SettingsError } from '../config/load.ts';
import { Lifecycle } from '../lifecycle.ts';
import { createLogger } from '../logger.ts';
import { startTracing, tracesUrl } from './start.ts';
import { beginSpan, currentTraceparent, inSpan, inStep, isTracing, type Span } from './tracing.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

type Process = AsyncDisposable & { lines: string[] };

async function tracing(environment: Record<string, string>): Promise<Process> {
  const lines: string[] = [];
  const log = createLogger({
    level: 'info',
    service: 'test',
    destination: { write: (line) => lines.push(line) },
  });
  const lifecycle = new Lifecycle({ log, drainDeadlineMs: 5_000 });
  await startTracing({
    settings: loadSettings({ OTEL_BSP_SCHEDULE_DELAY: '20', TRACES_PER_SECOND: '0', ...environment }),
    service: 'bot-runner',
    version: '1.2.3',
    owner: 'bot-runner@host',
    lifecycle,
    log,
  });
  return { lines, [Symbol.asyncDispose]: () => lifecycle.stop({ kind: 'request', why: 'the test is over' }) };
}

const sent = (collector: OtlpCollector, count: number): Promise<boolean> =>
  until(async () => collector.spans.length >= count, { timeoutMs: 10_000, everyMs: 10 });

afterEach(() => {
  expect(isTracing(), 'its end turned it off').toBe(false);
});

describe('tracing', () => {
  it('sends spans whose parents are right, with who sends them', async () => {
    await using collector = await startOtlpCollector();
    await using _process = await tracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20s3cret',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test%20bench',
      INSTALLATION: 'blue',
    });
    await inSpan('job', { kind: 'consumer', parent: PARENT, fields: { a: 1, b: undefined } }, async () => {
      expect(currentTraceparent()).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
      await inStep('part', async () => undefined, { fields: { ok: true, word: 'x' } });
    });
    await sent(collector, 2);
    const [part, job] = collector.spans;
    expect(job).toMatchObject({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      parentSpanId: '00f067aa0ba902b7',
      name: 'job',
      kind: 5,
      attributes: { a: 1 },
      failed: false,
      service: 'the0-bot-runner',
      resource: {
        'service.namespace': 'blue',
        'service.version': '1.2.3',
        'service.instance.id': 'bot-runner@host',
        'deployment.environment': 'test bench',
      },
    });
    expect(part).toMatchObject({
      name: 'part',
      parentSpanId: job?.spanId,
      traceId: job?.traceId,
      attributes: { ok: true, word: 'x' },
    });
    expect(collector.requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: { authorization: 'Bearer s3cret', 'content-type': 'application/x-protobuf' },
    });
  });

  it('records what failed, and not what somebody else finishes', async () => {
    await using collector = await startOtlpCollector();
    await using _process = await tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    const broken = Object.assign(new Error('it broke'), { code: 'bad_thing' });
    await expect(inSpan('a', {}, () => Promise.reject(broken))).rejects.toBe(broken);
    const left = Object.assign(new Error('later'), { name: 'Superseded' });
    await expect(inSpan('b', {}, () => Promise.reject(left))).rejects.toBe(left);
    await sent(collector, 2);
    const [a, b] = collector.spans;
    expect(a).toMatchObject({ failed: true, message: 'it broke', attributes: { 'error.type': 'bad_thing' } });
    expect(b).toMatchObject({ failed: false, attributes: { 'the0.ended': 'Superseded' } });
    expect(a?.traceId).not.toBe(b?.traceId);
  });

  it('carries a trace that is not sampled on, and sends nothing of it', async () => {
    await using collector = await startOtlpCollector();
    await using _process = await tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    const unsampled = PARENT.replace(/01$/, '00');
    await inSpan('not sent', { parent: unsampled }, async (span) => {
      expect(span?.isRecorded).toBe(false);
      expect(currentTraceparent()).toBe(unsampled);
      await inStep('nor this', async () => undefined);
      await inSpan('nor this', {}, async () => undefined);
    });
    beginSpan('sent')?.end();
    await sent(collector, 1);
    expect(collector.spans.map(({ name }) => name)).toEqual(['sent']);
  });

  it('beyond so many a second goes on from nothing, and a publisher’s trace is not gone on with', async () => {
    await using collector = await startOtlpCollector();
    await using _process = await tracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      TRACES_PER_SECOND: '1',
    });
    const first = beginSpan('first');
    first?.end();
    expect(beginSpan('next')?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    await inSpan('event', { parent: PARENT, entry: true }, async (span) => {
      expect(span?.traceparent).toBe(PARENT.replace(/01$/, '00'));
      expect(span?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    });
    // What has begun goes on.
    beginSpan('job', { parent: first?.traceparent })?.end();
    await sent(collector, 2);
    expect(collector.spans.map(({ name }) => name).sort()).toEqual(['first', 'job']);
  });

  it('sends what is left when the process ends', async () => {
    await using collector = await startOtlpCollector();
    {
      await using _process = await tracing({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        OTEL_BSP_SCHEDULE_DELAY: '600000',
      });
      beginSpan('last')?.end();
    }
    expect(collector.spans.map(({ name }) => name)).toEqual(['last']);
  });

  it('a collector that is away costs one line, holds nothing up, and is found again', async () => {
    await using collector = await startOtlpCollector();
    // An answer that is not tried again, so that the test need not wait for the exporter's patience.
    collector.answer = 400;
    await using process = await tracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_MAX_QUEUE_SIZE: '8',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '8',
    });
    const said = (words: string): number => process.lines.filter((line) => line.includes(words)).length;
    for (let more = 1; more <= 3; more += 1) {
      const before = collector.requests.length;
      for (let n = 0; n < 100; n += 1) beginSpan('lost')?.end();
      await until(async () => collector.requests.length > before, { everyMs: 10 });
    }
    await until(async () => said('The collector of traces is away') > 0, { everyMs: 10 });
    collector.answer = 200;
    await until(
      async () => {
        beginSpan('kept')?.end();
        return collector.spans.some(({ name }) => name === 'kept');
      },
      { everyMs: 20 },
    );
    await until(async () => said('The collector of traces is back') > 0, { everyMs: 10 });
    expect(said('The collector of traces is away')).toBe(1);
  }, 20_000);

  it('a collector that is away does not keep the process from ending', async () => {
    const collector = await startOtlpCollector();
    await collector[Symbol.asyncDispose]();
    const process = await tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    beginSpan('lost')?.end();
    const beganMs = performance.now();
    await process[Symbol.asyncDispose]();
    // Two seconds are given; the exporter's own patience is ten.
    expect(performance.now() - beganMs).toBeLessThan(6_000);
    expect(process.lines.some((line) => line.includes('did not stop in time'))).toBe(false);
  }, 20_000);
});

describe('where traces go to', () => {
  const url = (environment: Record<string, string>): string | undefined =>
    tracesUrl(loadSettings(environment));

  it('is the standard’s: a base, or the whole address, which outranks it', () => {
    expect(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' })).toBe('http://c:4318/v1/traces');
    expect(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/otlp/' })).toBe('http://c:4318/otlp/v1/traces');
    expect(
      url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://d/x' }),
    ).toBe('https://d/x');
  });

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_TRACES_EXPORTER: 'none' },
  ])('is nowhere with %j', (environment) => {
    expect(url(environment)).toBeUndefined();
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4317' }, /OTEL_EXPORTER_OTLP_ENDPOINT.*http:\/\/ or https/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_PROTOCOL="grpc".*http\/protobuf/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'no-value-s3cret' }, /OTEL_EXPORTER_OTLP_HEADERS=\(secret\).*name=value/],
    [{ TRACE_VIEWER_URL: 'https://jaeger/trace/' }, /TRACE_VIEWER_URL.*\{traceId\}/],
  ])('is refused where it cannot be used: %j', (environment, reason) => {
    expect(() => loadSettings(environment)).toThrow(SettingsError);
    expect(() => loadSettings(environment)).toThrow(reason);
    expect(() => loadSettings(environment)).not.toThrow(/s3cret/);
  });
});

describe('off', () => {
  it('does the work alone', async () => {
    expect(beginSpan('x')).toBeUndefined();
    const spans: (Span | undefined)[] = [];
    expect(await inSpan('x', {}, async (span) => spans.push(span))).toBe(1);
    expect(await inStep('x', async () => 'done')).toBe('done');
    expect(spans).toEqual([undefined]);
    expect(currentTraceparent()).toBeUndefined();
  });

  it('loads nothing of what makes and sends spans; on, it does', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      const loaded = new Set();
      registerHooks({ load(url, context, next) {
        const name = /node_modules\\/(@opentelemetry\\/[^/]+)/.exec(url)?.[1];
        if (name !== undefined) loaded.add(name);
        return next(url, context);
      } });
      const { openProcess } = await import('./cli/run-role.ts');
      await import('./cli/roles/everything.ts');
      const { loadSettings } = await import('./infra/config/load.ts');
      const { context } = await openProcess({ service: 'up', settings: loadSettings(process.env),
        environment: process.env, healthPort: 0, healthPortSetting: 'HEALTH_PORT' });
      console.log('loaded ' + JSON.stringify([...loaded].sort()));
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
      process.exit(0);`;
    const loadedWith = async (environment: Record<string, string>): Promise<string[]> => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        cwd: new URL('../..', import.meta.url),
        env: { PATH: process.env['PATH'], LOG_LEVEL: 'silent', ...environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
      return JSON.parse(/loaded (.*)/.exec(output)?.[1] ?? 'null') as string[];
    };
    // Prometheus' client brings the API along, which is types and a few functions that do nothing.
    expect((await loadedWith({})).filter((name) => name !== '@opentelemetry/api')).toEqual([]);
    expect(await loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })).toContain(
      '@opentelemetry/sdk-trace',
    );
  }, 30_000);
});

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import type { Client } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectFakeEngine, serveFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { ensureEventsStream } from '../../infra/nats/platform-stream.ts';
import { containerName } from '../../model/names.ts';
import { BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { bearer, callJson, clientOf, startTestApi, type TestApi } from '../support/api.ts';
import { botEvent } from '../support/bot-story.ts';
import { botDocument, newBotId, statusOf } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { openWorld, type World } from '../support/chaos-world.ts';
import { startOtlpCollector, type CollectedSpan, type OtlpCollector } from '../support/otlp-collector.ts';
import { until } from '../support/poll.ts';
import { startTestRunner } from '../support/runner.ts';
import { ownNats, testServers } from '../support/servers.ts';

const servers = testServers();
/** The machine may be busy. */
const PATIENT = { timeoutMs: 25_000 };
const SECRET = 'sk-live-4f9a1c';
const PUBLISHERS = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

let undo: AsyncDisposableStack;
let collector: OtlpCollector;
let engine: FakeEngine;
let world: World;
let nats: NatsConnection;
let api: TestApi;
let client: Client<typeof BotService>;
let token: string;

/** Events, planning and the API in this process; a processor in another. */
beforeAll(async () => {
  undo = new AsyncDisposableStack();
  collector = undo.use(await startOtlpCollector());
  const natsServer = await ownNats();
  undo.defer(() => natsServer.stop());
  nats = await connect({ servers: natsServer.url });
  undo.defer(() => nats.close());
  await ensureEventsStream(await jetstreamManager(nats));
  const served = await serveFakeEngine({ port: 0, images: ['python:3.11-slim'] });
  undo.defer(() => served.close());
  engine = undo.use(connectFakeEngine({ url: served.url, installation: servers.installation }));
  const environment = {
    ...servers.environment,
    NATS_URL: natsServer.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    TRACES_PER_SECOND: '0',
    // A periodic look that finds a bot just being started plans it as well, in a trace of its own.
    RECONCILE_INTERVAL: '1h',
    TRACE_VIEWER_URL: 'https://viewer.example/trace/{traceId}?x=1',
  };
  undo.use(await startTestRunner({ environment, withEngine: false }));
  world = undo.use(await openWorld({ servers, engine, engineUrl: served.url, environment }));
  await world.plan();
  const [child, started] = await Promise.all([world.spawn('processor'), startTestApi({ environment })]);
  undo.defer(async () => child.kill('SIGTERM'));
  api = undo.use(started);
  token = await api.token('operator');
  client = clientOf(api, BotService, token);
}, 60_000);
afterAll(() => undo.disposeAsync());

/** The spans of a trace, once those of these names are among them, and each with its parent: a span is sent when it ends. */
function traceOf(traceId: string, ...names: string[]): Promise<CollectedSpan[]> {
  return until(
    () => {
      const spans = collector.spans.filter((span) => span.traceId === traceId);
      const missing = names.filter((name) => !spans.some((span) => span.name === name));
      if (missing.length > 0)
        throw new Error(`${missing.join(', ')} missing among ${spans.map(({ name }) => name).join(', ')}`);
      const known = new Set(['', PUBLISHERS.spanId, ...spans.map(({ spanId }) => spanId)]);
      const orphans = spans.filter(({ parentSpanId }) => !known.has(parentSpanId));
      if (orphans.length > 0)
        throw new Error(`without parent: ${orphans.map(({ name }) => name).join(', ')}`);
      return spans;
    },
    { timeoutMs: 25_000, what: `trace ${traceId}` },
  );
}

type Named = { object?: string | undefined; queue?: string };

/** The first of that name; about that object of the engine, or of that queue, where one is given. */
function named(spans: readonly CollectedSpan[], name: string, { object, queue }: Named = {}): CollectedSpan {
  const found = spans.find(
    (span) =>
      span.name === name &&
      (object === undefined || span.attributes['the0.engine.object'] === object) &&
      (queue === undefined || span.attributes['messaging.destination.name'] === queue),
  );
  if (found === undefined) throw new Error(`no span is called ${name}`);
  return found;
}

/** From the one that begins the trace here to the given one. */
function chainTo(spans: readonly CollectedSpan[], span: CollectedSpan): CollectedSpan[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...(parent === undefined ? [] : chainTo(spans, parent)), span];
}

const pathTo = (spans: readonly CollectedSpan[], span: CollectedSpan): string[] =>
  chainTo(spans, span).map(({ name }) => name);

const publish = (kind: string, payload: object, traceparent?: string): Promise<unknown> => {
  const sent = headers();
  if (traceparent !== undefined) sent.set('traceparent', traceparent);
  return jetstream(nats).publish(`the0.bot.${kind}`, JSON.stringify(payload), { headers: sent });
};

const runs = (botId: string): ReturnType<typeof statusOf> =>
  statusOf(world.collections.status, botId, ({ phase, lock }) => phase === 'running' && lock === null);

/** The bot once it runs in another container than that. */
const startedAfter = (botId: string, before: string): ReturnType<typeof statusOf> =>
  statusOf(
    world.collections.status,
    botId,
    ({ phase, lock, containerId }) => phase === 'running' && lock === null && containerId !== before,
    PATIENT.timeoutMs,
  );

const removalOf = (containerId: string): Promise<CollectedSpan> =>
  until(
    () =>
      collector.spans.find(
        ({ name, attributes }) =>
          name === 'engine remove' && attributes['the0.engine.object'] === containerId,
      ),
    PATIENT,
  );

describe('one trace a transition', () => {
  it('goes from the publisher’s own span through both processes to the engine', async () => {
    const botId = newBotId();
    const traceparent = `00-${PUBLISHERS.traceId}-${PUBLISHERS.spanId}-01`;
    await publish('created', botEvent(botId, world.filePath, { api_key: SECRET }), traceparent);
    const { traceId, containerId } = await runs(botId);
    expect(traceId).toBe(PUBLISHERS.traceId);

    const spans = await traceOf(PUBLISHERS.traceId, 'event', 'write', 'plan', 'job', 'engine start');
    expect(named(spans, 'event')).toMatchObject({
      parentSpanId: PUBLISHERS.spanId,
      kind: 5,
      attributes: {
        'the0.id': botId,
        'messaging.destination.name': 'the0.bot.created',
        'the0.event.applied': 'created',
      },
    });
    expect(pathTo(spans, named(spans, 'write'))).toEqual(['event', 'write']);
    const start = named(spans, 'engine start', { object: containerId });
    expect(pathTo(spans, start)).toEqual(['event', 'write', 'plan', 'job', 'start', 'engine start']);
    expect(start.kind).toBe(3);
    // A first start makes helpers as well.
    const created = named(spans, 'engine create', { object: containerName(servers.installation, botId) });
    const chain = chainTo(spans, created);
    expect(chain.map(({ name }) => name)).toEqual([
      'event',
      'write',
      'plan',
      'job',
      'create',
      'engine create',
    ]);
    const [, , plan, job] = chain as [CollectedSpan, CollectedSpan, CollectedSpan, CollectedSpan];
    expect(job.attributes).toMatchObject({
      'the0.id': botId,
      'messaging.destination.name': 'start',
      'the0.attempt': 1,
      'the0.outcome': 'succeeded',
      'the0.cause': plan.attributes['the0.cause'],
    });
    expect(job.attributes['the0.waited_ms']).toBeGreaterThanOrEqual(0);
    const steps = spans.filter(({ parentSpanId }) => parentSpanId === job.spanId).map(({ name }) => name);
    expect(steps).toEqual(expect.arrayContaining(['lock', 'image', 'code', 'create', 'fill', 'start']));
    // Two processes, and each says which it is.
    expect(plan.service).toBe(named(spans, 'event').service);
    expect(job.service).toBe('the0-processor');
    expect(plan.service).not.toBe(job.service);
    expect(spans.filter(({ failed }) => failed)).toEqual([]);
  });

  it('follows each event of a bot, to its end', async () => {
    const botId = newBotId();
    const traceparents = [1, 2].map((n) => `00-${String(n).repeat(32)}-${PUBLISHERS.spanId}-01`);
    await publish('created', botEvent(botId, world.filePath, {}), traceparents[0]);
    const { containerId } = await runs(botId);
    await publish('deleted', { id: botId, config: {} }, traceparents[1]);
    const spans = await traceOf('2'.repeat(32), 'event', 'plan', 'job');
    const job = named(spans, 'job', { queue: 'stop' });
    expect(pathTo(spans, job)).toEqual(['event', 'write', 'plan', 'job']);
    expect(job.attributes['the0.cause']).toBe('the bot was deleted');
    // On a busy machine a look that is still at it sees the deletion first, and stops the container in its own trace.
    const stopped = await until(
      () =>
        collector.spans.find(
          ({ name, attributes }) =>
            name === 'engine stop' && attributes['the0.engine.object'] === containerId,
        ),
      PATIENT,
    );
    expect(pathTo(await traceOf(stopped.traceId, 'job'), stopped)).toContain('job');
  });

  it('begins anew where the publisher sends none, or something else', async () => {
    for (const sent of [undefined, 'not a traceparent']) {
      const botId = newBotId();
      await publish('created', botEvent(botId, world.filePath, {}), sent);
      const { traceId = '' } = await runs(botId);
      const spans = await traceOf(traceId, 'event', 'plan', 'job', 'engine start');
      expect(named(spans, 'event').parentSpanId).toBe('');
    }
  });

  it('is not made where the publisher does not want it', async () => {
    const botId = newBotId();
    const unwanted = 'a'.repeat(32);
    await publish('created', botEvent(botId, world.filePath, {}), `00-${unwanted}-${PUBLISHERS.spanId}-00`);
    expect((await runs(botId)).traceId).toBeUndefined();
    // What was sent after it has come.
    const after = newBotId();
    await publish('created', botEvent(after, world.filePath, {}));
    await traceOf((await runs(after)).traceId ?? '', 'job');
    expect(collector.spans.filter((span) => span.traceId === unwanted)).toEqual([]);
    expect(collector.spans.filter((span) => span.attributes['the0.id'] === botId)).toEqual([]);
  });

  it('begins with the planner where somebody else writes the document, also soon after an event', async () => {
    const botId = newBotId();
    await publish('created', botEvent(botId, world.filePath, {}));
    const before = (await runs(botId)).attemptedFingerprint;
    await world.collections.bots.updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
    const { traceId = '' } = await statusOf(
      world.collections.status,
      botId,
      ({ phase, lock, attemptedFingerprint }) =>
        phase === 'running' && lock === null && attemptedFingerprint !== before,
    );
    const spans = await traceOf(traceId, 'plan', 'job', 'engine stop', 'engine start');
    expect(named(spans, 'plan').parentSpanId).toBe('');
    expect(spans.some(({ name }) => name === 'event')).toBe(false);
  });

  it('tells of an end, and why a start failed', async () => {
    const botId = newBotId();
    await world.collections.bots.insertOne(botDocument(botId, { filePath: 'no/such/code' }));
    const { traceId = '' } = await statusOf(
      world.collections.status,
      botId,
      ({ phase, lock }) => phase === 'failed' && lock === null,
    );
    const failed = await traceOf(traceId, 'job', 'code');
    expect(named(failed, 'job').attributes['the0.outcome']).toMatch(/failed|deferred/);
    expect(named(failed, 'code')).toMatchObject({
      failed: true,
      message: expect.stringContaining('no/such/code') as string,
    });

    const runner = newBotId();
    await world.collections.bots.insertOne(botDocument(runner, { filePath: world.filePath }));
    const { containerId = '', traceId: first } = await runs(runner);
    await engine.control.exit(containerId, 3);
    const ended = await until(
      () =>
        collector.spans.find(
          (span) => span.name === 'container ended' && span.attributes['the0.id'] === runner,
        ),
      PATIENT,
    );
    expect(ended.attributes['the0.exit_code']).toBe(3);
    expect(ended.traceId).not.toBe(first);
    const removed = await removalOf(containerId);
    const story = await traceOf(removed.traceId, 'job');
    // On a busy machine a look at everything may have found it first, and replaced the waiting job.
    const whoSaw = removed.traceId === ended.traceId ? 'container ended' : 'plan';
    expect(pathTo(story, removed).slice(0, 2)).toEqual([whoSaw, 'job']);
    // The start after the back-off is a story of its own, and tells where it comes from. Chance may leave nothing of a short
    // back-off once the container is removed: then nothing waits, and the same story goes on; the next crash waits longer.
    let ending = removed;
    let started = await startedAfter(runner, containerId);
    while (started.traceId === ending.traceId) {
      const { containerId: crashed = '' } = started;
      await engine.control.exit(crashed, 3);
      ending = await removalOf(crashed);
      started = await startedAfter(runner, crashed);
    }
    const next = await until(
      () =>
        collector.spans.find(
          ({ name, attributes, links }) =>
            name === 'job' && attributes['the0.id'] === runner && links.includes(ending.traceId),
        ),
      PATIENT,
    );
    expect(next.traceId).not.toBe(ending.traceId);
    expect(next.parentSpanId).toBe('');
  });
});

it('a tick’s trace goes on through its run to the engine, and the run names it', async () => {
  const scheduler = await world.spawn('bot-scheduler');
  undo.defer(async () => scheduler.kill('SIGTERM'));
  const id = newBotId();
  await world.collections.schedules.insertOne(
    scheduleDocument({ id, filePath: world.filePath, cron: '* * * * * *', config: { api_key: SECRET } }),
  );
  const run = await until(() => world.collections.runs.findOne({ scheduleId: id, state: 'running' }), {
    timeoutMs: 20_000,
    what: 'a run',
  });
  await world.collections.schedules.deleteOne({ id });
  // Its record says so before its container is started, and what does not run yet cannot end.
  await until(async () => (await engine.inspect(run.containerId ?? ''))?.state === 'running', PATIENT);
  await engine.control.exit(run.containerId ?? '', 0);
  const spans = await traceOf(run.traceId ?? '', 'tick', 'job', 'engine start');
  expect(named(spans, 'tick')).toMatchObject({
    parentSpanId: '',
    attributes: { 'the0.id': id, 'the0.run': run._id },
  });
  const [tick, job] = chainTo(spans, named(spans, 'engine start', { object: run.containerId }));
  expect([tick?.name, job?.name]).toEqual(['tick', 'job']);
  expect(job?.attributes).toMatchObject({ 'the0.run': run._id, 'the0.outcome': 'succeeded' });

  const answer = await callJson(api, 'RunService/GetRun', { id: run._id }, bearer(token));
  expect(answer.body).toMatchObject({
    details: {
      run: { traceId: run.traceId, traceUrl: `https://viewer.example/trace/${run.traceId}?x=1` },
    },
  });
});

describe('a wish by the API', () => {
  it('is traced from its caller on to what comes of it', async () => {
    const botId = newBotId();
    await world.collections.bots.insertOne(botDocument(botId, { filePath: world.filePath }));
    await runs(botId);
    const traceId = 'c'.repeat(32);
    const answer = await callJson(
      api,
      'BotService/RestartBot',
      { id: botId, change: { reason: 'a test' } },
      { ...bearer(token), traceparent: `00-${traceId}-${PUBLISHERS.spanId}-01` },
    );
    expect(answer).toMatchObject({ status: 200 });
    const spans = await traceOf(
      traceId,
      'BotService/RestartBot',
      'plan',
      'job',
      'engine stop',
      'engine start',
    );
    expect(named(spans, 'BotService/RestartBot')).toMatchObject({
      parentSpanId: PUBLISHERS.spanId,
      kind: 2,
      attributes: { 'the0.id': botId, 'the0.role': 'operator' },
    });
    expect(pathTo(spans, named(spans, 'engine start')).slice(0, 3)).toEqual([
      'BotService/RestartBot',
      'plan',
      'job',
    ]);
    // The end of the container that was stopped is looked at as well: nothing is to be done about it.
    const looked = await until(
      () =>
        collector.spans.find(
          (span) =>
            span.name === 'job' &&
            span.attributes['the0.id'] === botId &&
            String(span.attributes['the0.cause']).startsWith('its container ended') &&
            span.attributes['the0.outcome'] === 'succeeded',
        ),
      PATIENT,
    );
    expect(looked.traceId).not.toBe(traceId);
    expect((await runs(botId)).traceId).toBe(traceId);
  });

  it('links the bot, and why it is as it is, to the trace of what was done last', async () => {
    const botId = newBotId();
    await world.collections.bots.insertOne(botDocument(botId, { filePath: world.filePath }));
    const { traceId = '' } = await runs(botId);
    const link = { traceId, traceUrl: `https://viewer.example/trace/${traceId}?x=1` };
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect((await client.getBot({ id: botId })).bot).toMatchObject(link);
    expect((await client.listBots({ filter: { text: botId } })).bots).toMatchObject([link]);
    expect((await client.explainBot({ id: botId })).explanation).toMatchObject(link);
  });

  it('that is only asked about, or that asks for nothing, makes none', async () => {
    const before = collector.spans.filter(({ kind }) => kind === 2).length;
    await client.listBots({});
    expect(collector.spans.filter(({ kind }) => kind === 2)).toHaveLength(before);
  });
});

it('no secret is in what was sent, nor anything else of a config', async () => {
  const sent = Buffer.concat(collector.bodies).toString('latin1');
  expect(sent.length).toBeGreaterThan(10_000);
  expect(sent).not.toContain(SECRET);
  expect(sent).not.toContain('api_key');
  expect(sent).not.toContain(token);
  expect(sent).not.toContain(servers.s3.secretKey);
});

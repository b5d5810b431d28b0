import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { connectNats, type NatsLink } from '../../infra/nats/connect.ts';
import { ensureEventsStream, EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { ownNats, testServers } from '../support/servers.ts';

/** What readiness and metrics say of events. Without the platform's stream at first: services only wait for it. */
const servers = testServers();
let nats: RunningServer;
let platform: NatsLink;
let jsm: JetStreamManager;
let consumes: TestRunner;
let standsBy: TestRunner;

beforeAll(async () => {
  nats = await ownNats();
  const log = createLogger({ level: 'silent', service: 'test' });
  platform = connectNats({ url: nats.url, name: 'platform', log });
  jsm = await jetstreamManager(await platform.connection());
  const engine = createFakeEngine({ installation: servers.installation });
  const options = { environment: { ...servers.environment, NATS_URL: nats.url }, engine };
  consumes = await startTestRunner(options);
  await until(() => metric(consumes, 'the0_event_consumer_state', 'state="waiting-for-stream"'));
  standsBy = await startTestRunner(options);
}, 60_000);
afterAll(async () => {
  await standsBy?.stop();
  await consumes?.stop();
  await platform?.close();
  await nats?.stop();
});

const ofEvents = ({ context }: TestRunner): string[] =>
  context.health.ready().reasons.filter((reason) => reason.startsWith('events'));

/** The value of the family's series that has these labels. */
async function metric({ context }: TestRunner, name: string, labels = ''): Promise<number | undefined> {
  const { body } = await context.metrics.render();
  const line = body
    .split('\n')
    .find((text) => text.startsWith(`${name}{`) && text.includes('family="bots"') && text.includes(labels));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

it('a stream that is not there shows in readiness, with its reason, and only where events are to be consumed', async () => {
  await until(() => ofEvents(consumes).length > 0, { timeoutMs: 15_000 });
  expect(consumes.context.health.ready().status).toBe('degraded');
  expect(ofEvents(consumes)[0]).toMatch(
    /^events of bots: no events for \d+ s: the stream cannot be read \(.*stream not found/,
  );
  expect(ofEvents(standsBy)).toEqual([]);
  expect(await metric(standsBy, 'the0_event_consumer_state', 'state="waiting-for-lease"')).toBe(1);
});

it('once the stream is there, events, poison and lag are counted, and readiness is well', async () => {
  await ensureEventsStream(jsm);
  const js = jetstream(await platform.connection());
  await js.publish('the0.bot.created', 'nonsense');
  await js.publish('the0.bot.deleted', '{"id":"b1"}');
  // Side by side: either may be settled first.
  for (const outcome of ['unchanged', 'poison'])
    await until(async () => (await metric(consumes, 'the0_events_total', `outcome="${outcome}"`)) === 1);
  expect(await metric(consumes, 'the0_events_total', 'outcome="created"')).toBe(0);
  expect(await metric(consumes, 'the0_event_lag_seconds')).toBeLessThan(10);
  expect(await metric(consumes, 'the0_events_pending')).toBe(0);
  expect(await metric(consumes, 'the0_event_retries_total')).toBe(0);
  expect(await metric(standsBy, 'the0_events_pending')).toBeUndefined();
  expect(ofEvents(consumes)).toEqual([]);
});

it('a stream that was consumed and goes away shows again', async () => {
  await jsm.streams.delete(EVENTS_STREAM);
  await until(() => ofEvents(consumes).length > 0, { timeoutMs: 20_000 });
  expect(await metric(consumes, 'the0_event_consumer_state', 'state="consuming"')).toBe(0);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import type { Phase } from '../../model/status.ts';
import { BotPhase, BotService } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService, type StreamEventsResponse } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { eventService } from '../../producers/control/api/event-service.ts';
import { HistoryRecorder } from '../../producers/history/recorder.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { botDocument } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { addRun, addSchedule } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** What happens to bots, schedules and runs: on record, page by page, and as a stream. */
const servers = testServers();
let api: InProcessApi;
let recorder: { stop: () => Promise<void> };

beforeAll(async () => {
  api = await startInProcessApi(servers.environment);
  recorder = record();
  // What happens before it listens is on no record.
  let phase: Phase = 'starting';
  await until(async () => {
    phase = phase === 'starting' ? 'running' : 'starting';
    await pass('listening', phase);
    return (await storyOf('listening')).length > 0;
  });
});
afterAll(async () => {
  await recorder?.stop();
  await api?.[Symbol.asyncDispose]();
});

const all = () => api.connections.collections;
const events = () => api.client(EventService);
const database = () => api.connections.mongo.db(servers.databases.runtime);

function record(): { stop: () => Promise<void> } {
  const over = new AbortController();
  const running = new HistoryRecorder({
    database: database(),
    collections: all(),
    now: () => new Date(),
    log: createLogger({ level: 'silent', service: 'test' }),
  }).run(over.signal);
  return {
    stop: async () => {
      over.abort();
      await running;
    },
  };
}

/** As whoever holds the bot's lock writes it. */
async function pass(id: string, phase: Phase, reason = `It is ${phase}.`): Promise<void> {
  const $set = {
    phase,
    reason,
    since: new Date(),
    updatedAt: new Date(),
    restarts: 0,
    consecutiveFailures: 0,
  };
  await all().status.updateOne({ _id: id }, { $set, $setOnInsert: { token: 1 } }, { upsert: true });
}

const storyOf = async (id: string): Promise<string[]> =>
  (await events().listEvents({ id })).events
    .map(({ kind, before, after, who }) => `${kind} ${before}>${after}${who && ` ${who}`}`)
    .reverse();

/** What a reader of a stream has, until he leaves. */
class Follower {
  readonly answers: StreamEventsResponse[] = [];
  position = '';
  readonly #leave = new AbortController();
  readonly done: Promise<unknown>;

  constructor(request: Parameters<ReturnType<typeof events>['streamEvents']>[0]) {
    this.done = (async () => {
      try {
        for await (const answer of events().streamEvents(request, { signal: this.#leave.signal })) {
          this.answers.push(answer);
          this.position = answer.position;
        }
        return undefined;
      } catch (error) {
        return error;
      }
    })();
  }

  get told(): string[] {
    return this.answers.flatMap(({ event }) =>
      event === undefined ? [] : [`${event.id} ${event.kind} ${event.after}`.trim()],
    );
  }

  async begun(): Promise<this> {
    await until(() => this.answers.length > 0);
    return this;
  }

  async leave(): Promise<void> {
    this.#leave.abort();
    await this.done;
  }
}

it('a bot’s story has its phases, holds and wishes, with why and who', async () => {
  const id = 'told';
  await all().bots.insertOne(botDocument(id, { filePath: 'me/told/1.0.0' }));
  await pass(id, 'starting');
  await pass(id, 'running', 'It runs.');
  // Who holds its lock says so each second, and nothing happens.
  await all().status.updateOne({ _id: id }, { $set: { lock: { token: 1, owner: 'p', until: new Date() } } });
  const change = { reason: 'incident 7' };
  await api.client(BotService, 'ann').holdBot({ id, change });
  await pass(id, 'held', 'ann holds it: incident 7');
  await api.client(BotService, 'bob').releaseBot({ id, change });
  await api.client(BotService, 'bob').restartBot({ id, change });
  await all().status.deleteOne({ _id: id });
  await until(async () => (await storyOf(id)).length === 7);
  expect(await storyOf(id)).toEqual([
    'phase >starting',
    'phase starting>running',
    'hold >held ann',
    'phase running>held',
    'hold held> bob',
    'restart > bob',
    'removed held>',
  ]);
  const [, restart] = (await events().listEvents({ id })).events;
  expect(restart?.text).toContain('incident 7');
  const holds = await events().listEvents({ id, kinds: ['hold'] });
  expect(holds.events.map(({ text }) => text)).toEqual([
    'Its hold was lifted by bob.',
    'It is held by ann: incident 7',
  ]);
});

it('a schedule’s story has its runs; a run’s is its own; runs that were left out are not told', async () => {
  await addSchedule(all(), 'sched', 'active');
  const id = 'sched@20241124T120001Z';
  await addRun(all(), id, 1, 'queued');
  await addRun(all(), 'sched@20241124T120002Z', 2, 'skipped');
  await all().runs.updateOne({ _id: id }, { $set: { state: 'running', reason: 'It runs.' } });
  await all().runs.updateOne({ _id: id }, { $set: { state: 'failed', reason: 'exit code 1' } });
  await until(async () => (await storyOf(id)).length === 2);
  expect(await storyOf(id)).toEqual(['run >running', 'run running>failed']);
  expect(await storyOf('sched')).toEqual(['phase >active', 'run >running', 'run running>failed']);
  const [event] = (await events().listEvents({ id: 'sched' })).events;
  expect(event).toMatchObject({ id, schedule: 'sched', subject: 'run', text: 'exit code 1' });
});

it('nothing is lost or doubled, whoever puts it down and however often he dies', async () => {
  const id = 'killed';
  await pass(id, 'starting');
  await until(async () => (await storyOf(id)).length === 1);
  const before = await all().resumeTokens.findOne({ _id: 'history' });
  await pass(id, 'running');
  await until(async () => (await storyOf(id)).length === 2);
  await recorder.stop();
  await pass(id, 'stopping');
  await pass(id, 'stopped');
  // As if it had died before it could say how far it was.
  await all().resumeTokens.replaceOne({ _id: 'history' }, { token: before?.token, at: new Date() });
  recorder = record();
  await until(async () => (await storyOf(id)).length >= 4);
  await pass(id, 'starting');
  await until(async () => (await storyOf(id)).at(-1) === 'phase stopped>starting');
  expect(await storyOf(id)).toEqual([
    'phase >starting',
    'phase starting>running',
    'phase running>stopping',
    'phase stopping>stopped',
    'phase stopped>starting',
  ]);
});

it('what MongoDB does not know any more is told as a gap', async () => {
  await recorder.stop();
  await all().resumeTokens.replaceOne(
    { _id: 'history' },
    { token: { _data: 'ABCD' }, at: new Date() },
    { upsert: true },
  );
  recorder = record();
  await until(async () => (await events().listEvents({ kinds: ['gap'] })).events.length === 1);
  await until(async () => {
    await pass('after-gap', 'starting');
    await pass('after-gap', 'running');
    return (await storyOf('after-gap')).includes('phase starting>running');
  });
});

it('lists page by page, and refuses the page token of another query', async () => {
  for (const phase of ['starting', 'running', 'stopping', 'stopped', 'starting'] as const)
    await pass('paged', phase);
  await until(async () => (await storyOf('paged')).length === 5);
  const seen: string[] = [];
  let token = '';
  do {
    const page = await events().listEvents({ id: 'paged', page: { size: 2, token } });
    seen.push(...page.events.map(({ after }) => after));
    token = page.nextToken;
    await pass('another', 'starting');
  } while (token !== '' && seen.length < 20);
  expect(seen).toEqual(['starting', 'stopped', 'stopping', 'running', 'starting']);
  const { nextToken } = await events().listEvents({ id: 'paged', page: { size: 1 } });
  for (const request of [{ id: 'other' }, { id: 'paged', kinds: ['phase'] }])
    expect(await refusalOf(events().listEvents({ ...request, page: { token: nextToken } }))).toMatchObject({
      field: 'page.token',
    });
  expect(await refusalOf(events().listEvents({ kinds: ['nonsense'] }))).toMatchObject({
    status: 'InvalidArgument',
  });
  expect((await events().listEvents({ id: 'nobody' })).events).toEqual([]);
});

it('a stream tells what happens, with the rows of what changed, to any number of readers, and goes on from a position', async () => {
  const id = 'followed';
  await all().bots.insertOne(botDocument(id, { filePath: 'me/followed/1.0.0' }));
  const rows = await new Follower({ kinds: ['changed'], ids: [id], withSubject: true }).begun();
  const story = await new Follower({ kinds: ['phase'], ids: [id] }).begun();
  await pass(id, 'starting');
  await pass(id, 'running');
  await until(() => story.told.length === 2);
  expect(story.told).toEqual([`${id} phase starting`, `${id} phase running`]);
  expect(story.answers.at(-1)?.subject.case).toBeUndefined();
  await until(() => rows.answers.at(-1)?.subject.value?.$typeName === 'the0.runtime.v1.Bot');
  await until(() => {
    const { subject } = rows.answers.at(-1) ?? {};
    return subject?.case === 'bot' && subject.value.phase === BotPhase.RUNNING;
  });
  await story.leave();
  await pass(id, 'stopping');
  await until(async () => (await storyOf(id)).length === 3);
  const again = new Follower({ kinds: ['phase'], ids: [id], after: story.position });
  await pass(id, 'stopped');
  await until(() => again.told.length === 2);
  expect(again.told).toEqual([`${id} phase stopping`, `${id} phase stopped`]);
  // Who renews a lock changes nothing that anybody sees; what the platform writes does.
  const everything = await new Follower({ kinds: ['changed'] }).begun();
  await pass('locked', 'running');
  await until(() => everything.told.includes('locked changed'));
  const lock = { token: 2, owner: 'p', until: new Date() };
  await all().status.updateOne({ _id: 'locked' }, { $set: { lock, updatedAt: new Date() } });
  await all().status.updateOne({ _id: 'locked' }, { $set: { 'lock.until': new Date(1) } });
  await all().bots.updateOne({ id }, { $set: { 'config.name': 'Renamed' } });
  await until(() => {
    const { subject } = rows.answers.at(-1) ?? {};
    return subject?.case === 'bot' && subject.value.name === 'Renamed';
  });
  await until(() => everything.told.includes(`${id} changed`));
  expect(everything.told.filter((told) => told.startsWith('locked'))).toEqual(['locked changed']);
  await Promise.all([rows.leave(), again.leave(), everything.leave()]);
});

it('refuses positions that are none, and tells a reader who is too late so', async () => {
  for (const after of ['garbage', 'ABCDEF0123456789', `82${'F'.repeat(30)}`]) {
    const follower = new Follower({ after });
    expect(await refusalOf(Promise.reject((await follower.done) as Error)), after).toMatchObject({
      status: 'InvalidArgument',
      code: 'position_lost',
      field: 'after',
    });
  }
  const service = eventService({
    collections: all(),
    stores: all(),
    database: database(),
    operator: scheduleOperator(api.connections.settings),
    gatherMs: 1,
    mostItems: 3,
  });
  const signal = new AbortController();
  const enter = () =>
    service
      .streamEvents(
        {
          $typeName: 'the0.runtime.v1.StreamEventsRequest',
          after: '',
          ids: [],
          kinds: [],
          withSubject: false,
        },
        { signal: signal.signal } as never,
      )
      [Symbol.asyncIterator]();
  const [slow, beside] = [enter(), enter()];
  await Promise.all([slow.next(), beside.next()]);
  const witness = await new Follower({}).begun();
  for (let n = 0; n < 10; n += 1) await pass(`late-${n}`, 'starting');
  await until(() => witness.told.includes('late-9 phase starting'));
  // Whoever reads beside him is told of the last one, or is too late himself: so much has come there by now.
  await (async () => {
    let step = await beside.next();
    while (step.done !== true && step.value.event?.id !== 'late-9') step = await beside.next();
    await beside.return?.();
  })().catch((error: unknown) => expect(error).toMatchObject({ code: 'reader_too_slow' }));
  await expect(
    (async () => {
      for (let n = 0; n < 10; n += 1) await slow.next();
    })(),
  ).rejects.toMatchObject({ code: 'reader_too_slow' });
  signal.abort();
  await witness.leave();
});

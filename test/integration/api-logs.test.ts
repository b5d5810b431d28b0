import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { loadSettings } from '../../infra/config/load.ts';
import { LogService } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import { logService } from '../../producers/control/api/log-service.ts';
import { dayText } from '../../producers/control/logs/place.ts';
import { LogRooms } from '../../producers/control/logs/rooms.ts';
import { StoredLog } from '../../producers/control/logs/stored-log.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { botDocument } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { LogReader, said, type LogRequest } from '../support/log-reader.ts';
import { PrintingBots } from '../support/printing-log.ts';
import { addRun } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** What bots print, through the API: stored, then live, once each, from any position on. */
const servers = testServers();
const settings = loadSettings(servers.environment);
const DAY_MS = 86_400_000;
let api: InProcessApi;
let bots: PrintingBots;
let rooms: LogRooms;
/** Of the rooms: saves that were asked for. */
let saves = 0;

beforeAll(async () => {
  bots = await PrintingBots.open(servers, settings);
  api = await startInProcessApi(servers.environment, ({ collections, s3, nats }) => {
    rooms = new LogRooms({
      nats,
      gatherMs: 10,
      save: async (id) => {
        saves += 1;
        await bots.save(id);
        return undefined;
      },
    });
    const logOf = (id: string) => new StoredLog({ store: s3, bucket: settings.S3_LOG_BUCKET, id });
    return { logs: logService({ collections, rooms, logOf }) };
  });
  await until(() => api.connections.nats().catch(() => undefined));
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await bots?.[Symbol.asyncDispose]();
});

const logs = () => api.client(LogService);
const read = (request: LogRequest): LogReader => new LogReader(logs(), request);

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `n${from + at}`);

describe('the end of a log', () => {
  it('is given with positions, and what comes before it page by page, across days', async () => {
    const midnightMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const lines = (ms: number, texts: string[]) =>
      texts
        .map((message) => `${JSON.stringify({ timestamp: new Date(ms).toISOString(), message })}\n`)
        .join('');
    await bots.store('paged', dayText(midnightMs - DAY_MS), lines(midnightMs - 1_000, numbered(1, 7)));
    await bots.store('paged', dayText(midnightMs), lines(midnightMs, numbered(8, 10)));
    const seen: string[] = [];
    let before = '';
    for (let page = 0; page < 4; page += 1) {
      const { lines: some, earlier } = await logs().getLogs({ id: 'paged', lines: 4, before });
      seen.unshift(...some.map(({ text }) => said(text)));
      expect(some.every(({ at }) => at !== undefined)).toBe(true);
      before = earlier;
      if (earlier === '') break;
    }
    expect(seen).toEqual(numbered(1, 10));
    const day = await logs().getLogs({ id: 'paged', date: dayText(midnightMs - DAY_MS), lines: 2 });
    expect(day.lines.map(({ text }) => said(text))).toEqual(['n6', 'n7']);
    const since = await logs().getLogs({ id: 'paged', since: timestampFromMs(midnightMs) });
    expect(since.lines.map(({ text }) => said(text))).toEqual(numbered(8, 10));
    expect(since.earlier).toBe('');
    // What comes after any line's position is what follows it.
    const third = (await logs().getLogs({ id: 'paged' })).lines[2]?.position ?? '';
    const rest = read({ id: 'paged', after: third, storedOnly: true });
    expect(await rest.done).toBeUndefined();
    expect(rest.texts).toEqual(numbered(4, 10));
  });

  it('is searched by level and text', async () => {
    bots.keep(
      'levels',
      '{"level":"INFO","message":"one"}',
      '{"level":"error","message":"two"}',
      'plain TWO',
      '{"level":"error","message":"three"}',
    );
    await bots.save('levels');
    const found = async (filter: { levels?: string[]; text?: string }) =>
      (await logs().getLogs({ id: 'levels', filter })).lines.map(({ text }) => said(text));
    expect(await found({ levels: ['error'] })).toEqual(['two', 'three']);
    expect(await found({ text: 'two' })).toEqual(['two', 'plain TWO']);
    expect(await found({ levels: ['error'], text: 'TWO' })).toEqual(['two']);
    const reader = read({ id: 'levels', filter: { levels: ['error', 'warn'] } });
    await reader.has('three');
    bots.print('levels', '{"level":"info","message":"four"}', '{"level":"warn","message":"five"}');
    await reader.has('five');
    expect(reader.texts).toEqual(['two', 'three', 'five']);
    await reader.leave();
  });
});

describe('a stream', () => {
  it('tells what is stored, then what comes, once each, to whoever comes when', async () => {
    bots.keep('told', ...numbered(1, 5));
    await bots.save('told');
    const first = read({ id: 'told', lines: 3 });
    await first.has('n5');
    bots.print('told', ...numbered(6, 8));
    await first.has('n8');
    expect(first.texts).toEqual(numbered(3, 8));
    await bots.save('told');
    bots.print('told', 'n9');
    const second = read({ id: 'told', lines: 4 });
    const third = read({ id: 'told', lines: 100 });
    await second.has('n9');
    await third.has('n9');
    bots.print('told', 'n10');
    await Promise.all([first, second, third].map((reader) => reader.has('n10')));
    expect(first.texts).toEqual(numbered(3, 10));
    expect(second.texts).toEqual(numbered(6, 10));
    expect(third.texts).toEqual(numbered(1, 10));
    expect([first, second, third].flatMap(({ notes }) => notes)).toEqual([]);
    await Promise.all([first, second, third].map((reader) => reader.leave()));
    await until(() => rooms.size === 0);
  });

  it('goes on from any position, wherever it is told from, while the bot prints and is saved', async () => {
    let printed = 1;
    let stop = false;
    bots.keep('resumed', 'n1');
    await bots.save('resumed');
    const printing = (async () => {
      while (!stop) {
        const count = 1 + (printed % 7);
        bots.print('resumed', ...numbered(printed + 1, printed + count));
        printed += count;
        if (printed % 5 === 0) await bots.save('resumed');
        await sleep(5);
      }
    })();
    // Somebody stays, so that the room does as well; somebody else is alone at times.
    const stays = read({ id: 'resumed', lines: 10_000 });
    await until(() => stays.texts.length > 50);
    const seen: string[] = [];
    let after = '';
    for (let visit = 0; visit < 8; visit += 1) {
      if (visit === 5) await stays.leave();
      const reader = read({ id: 'resumed', ...(after === '' ? { lines: 10_000 } : { after }) });
      await until(() => reader.texts.length > 20);
      await reader.leave();
      expect(reader.notes).toEqual([]);
      seen.push(...reader.texts);
      after = reader.position;
      await sleep(30);
    }
    stop = true;
    await printing;
    expect(seen).toEqual(numbered(1, seen.length));
    expect(stays.texts).toEqual(numbered(1, stays.texts.length));
    const rest = read({ id: 'resumed', after });
    await rest.has(`n${printed}`);
    await rest.leave();
    expect([...seen, ...rest.texts]).toEqual(numbered(1, printed));
  });

  it('tells a bot that prints the same again and again as often as it does', async () => {
    await api.connections.collections.bots.insertOne(botDocument('same', { filePath: 'me/same/1.0.0' }));
    const one = read({ id: 'same', lines: 1_000 });
    await until(() => rooms.size > 0);
    await sleep(50);
    for (let n = 0; n < 20; n += 1) bots.print('same', 'tick');
    await until(() => one.texts.length === 20);
    const { position } = one;
    await bots.save('same');
    bots.print('same', 'tick', 'tick', 'tock');
    await one.leave();
    const two = read({ id: 'same', after: position });
    await two.has('tock');
    expect(two.texts).toEqual(['tick', 'tick', 'tock']);
    await two.leave();
  });

  it('of twenty readers is one subscription, one save and one copy of each line', async () => {
    bots.keep('shared', 'n1');
    await bots.save('shared');
    // Those of before are left by now, and save nothing any more.
    await until(() => rooms.size === 0);
    saves = 0;
    const readers = Array.from({ length: 20 }, () => read({ id: 'shared' }));
    await Promise.all(readers.map((reader) => reader.has('n1')));
    const subscriptions = (await api.connections.nats()).stats();
    bots.print('shared', 'n2');
    await Promise.all(readers.map((reader) => reader.has('n2')));
    expect((await api.connections.nats()).stats().inMsgs - subscriptions.inMsgs).toBe(1);
    expect(rooms.size).toBe(1);
    expect(saves).toBe(1);
    await Promise.all(readers.map((reader) => reader.leave()));
    await until(() => rooms.size === 0);
  });

  it('of a run is what its schedule printed meanwhile, and ends with it', async () => {
    const startedAt = new Date(Date.now() - 60_000);
    const stamped = (ms: number, message: string) =>
      JSON.stringify({ timestamp: new Date(ms).toISOString(), message });
    bots.keep(
      'sched',
      stamped(startedAt.getTime() - 30_000, 'earlier'),
      stamped(startedAt.getTime() + 1_000, 'n1'),
    );
    await bots.save('sched');
    const id = 'sched@20261124T100000Z';
    await addRun(api.connections.collections, id, 0, 'running', { startedAt });
    const reader = read({ id });
    await reader.has('n1');
    bots.print('sched', 'n2');
    await reader.has('n2');
    // Not heard, but saved.
    bots.keep('sched', 'n3');
    await api.connections.collections.runs.updateOne(
      { _id: id },
      { $set: { state: 'succeeded', endedAt: new Date() }, $unset: { open: true } },
    );
    expect(await reader.done).toBeUndefined();
    expect(reader.texts).toEqual(['n1', 'n2', 'n3']);
    const { lines } = await logs().getLogs({ id });
    expect(lines.map(({ text }) => said(text))).toEqual(['n1', 'n2', 'n3']);
    const again = read({ id });
    expect(await again.done).toBeUndefined();
    expect(again.texts).toEqual(['n1', 'n2', 'n3']);
  });
});

it('refuses what makes no sense, and says which field', async () => {
  bots.keep('known', 'n1');
  await bots.save('known');
  const today = dayText(Date.now());
  for (const [request, refusal] of [
    [{ id: 'nobody' }, { status: 'NotFound', code: 'bot_or_schedule_not_found', field: 'id' }],
    [{ id: '../known' }, { status: 'NotFound' }],
    [{ id: 'known@20261124T100000Z' }, { status: 'NotFound', code: 'run_not_found' }],
    [
      { id: 'known', after: 'garbage' },
      { status: 'InvalidArgument', field: 'after' },
    ],
    [
      { id: 'known', after: '20261399.5' },
      { status: 'InvalidArgument', field: 'after' },
    ],
    [
      { id: 'known', after: `${today}.999999` },
      { status: 'InvalidArgument', code: 'position_lost' },
    ],
    [
      { id: 'known', date: '20261399' },
      { status: 'InvalidArgument', field: 'date' },
    ],
    [
      { id: 'known', lines: 10_001 },
      { status: 'InvalidArgument', field: 'lines' },
    ],
  ] as const) {
    const reader = read(request);
    expect(
      await refusalOf(Promise.reject((await reader.done) as Error)),
      JSON.stringify(request),
    ).toMatchObject(refusal);
  }
  expect(await refusalOf(logs().getLogs({ id: 'known', before: 'x' }))).toMatchObject({ field: 'before' });
  await until(() => rooms.size === 0);
});

it('goes on, with a note, from a position of a day that is not kept any more, and from a line that never came', async () => {
  bots.keep('swept', 'n1', 'n2');
  await bots.save('swept');
  const swept = read({ id: 'swept', after: '20200101.500' });
  await swept.has('n2');
  expect(swept.notes.join()).toContain('not kept any more');
  await swept.leave();
  const lost = read({ id: 'swept', after: `${dayText(Date.now())}.0.AAAAAAAAAA.1` });
  await lost.has('n2');
  expect(lost.texts).toEqual(['n1', 'n2']);
  expect(lost.notes.join()).toContain('may have been told already');
  await lost.leave();
});

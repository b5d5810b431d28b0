import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { newBotId } from '../support/bots.ts';
import { testServers } from '../support/servers.ts';
import { logRig, NO_SIGNAL, type LogRig } from './log-rig.ts';

const servers = testServers();
const mongo = new MongoClient(servers.mongoUri);
const NOON = Date.UTC(2026, 10, 24, 12);
let store: Collections;
let rig: LogRig & Disposable;

beforeAll(async () => {
  store = collections(mongo, servers.databases);
  rig = await logRig(servers, { collections: store, nowMs: NOON });
});
afterAll(async () => {
  rig[Symbol.dispose]();
  await mongo.close();
});

const messages = (lines: readonly string[] = []): string[] =>
  lines.map((line) => (JSON.parse(line) as { message: string }).message);

/** A bot with one container, of which each call prints lines a second apart. */
function bot(): { id: string; container: string; print: (...lines: string[]) => void } {
  const id = newBotId();
  const container = rig.output.container(id);
  let at = NOON;
  return {
    id,
    container,
    print: (...lines) => {
      for (const line of lines) rig.output.entry(container, `${line}\n`, (at += 1000));
    },
  };
}

describe('a flush', () => {
  it('makes the day’s object, and adds what came since', async () => {
    const { id, print } = bot();
    const keeper = rig.keeper();
    print('one', '{"a":1,"timestamp":"x"}', '', '{"id":12345678901234567890}');
    await keeper.flush(id, NO_SIGNAL);
    expect(await rig.stored(id)).toEqual({
      '20261124': [
        '{"timestamp":"2026-11-24T12:00:01Z","message":"one"}',
        '{"a":1,"timestamp":"x"}',
        '{"id":12345678901234567890,"timestamp":"2026-11-24T12:00:04Z"}',
      ],
    });
    print('two');
    await rig.keeper().flush(id, NO_SIGNAL);
    await keeper.flush(id, NO_SIGNAL);
    const { '20261124': lines } = await rig.stored(id);
    expect(lines?.slice(3)).toEqual(['{"timestamp":"2026-11-24T12:00:05Z","message":"two"}']);
    expect(await store.botLogs.findOne({ _id: id })).toMatchObject({
      day: '20261124',
      bytes: lines?.join('\n').length === undefined ? 0 : lines.join('\n').length + 1,
      flushedAt: new Date(NOON),
      droppedBytes: 0,
    });
    expect((await rig.s3.stat(rig.bucket, `logs/${id}/20261124.log`)).metadata['content-type']).toBe(
      'text/plain',
    );
  });

  it('nothing to say makes no object', async () => {
    const { id, print } = bot();
    await rig.keeper().flush(id, NO_SIGNAL);
    print('', '   ');
    await rig.keeper().flush(id, NO_SIGNAL);
    expect(await rig.stored(id)).toEqual({});
  });

  it('extends a log beyond 5 MiB without sending it again', async () => {
    const { id, print } = bot();
    const uploads: number[] = [];
    const keeper = rig.keeper();
    print(...Array.from({ length: 120 }, (_, index) => `${index} ${'x'.repeat(60_000)}`));
    await keeper.flush(id, NO_SIGNAL);
    for (let index = 120; index < 125; index += 1) {
      print(`${index} more`);
      await keeper.flush(id, NO_SIGNAL);
      uploads.push(index);
    }
    const { '20261124': lines } = await rig.stored(id);
    expect(messages(lines).map((message) => Number(message.split(' ')[0]))).toEqual(
      Array.from({ length: 125 }, (_, index) => index),
    );
    expect((await rig.s3.stat(rig.bucket, `logs/${id}/20261124.log`)).etag).toMatch(/-2$/);
  });

  it('puts each line into the object of its day, and never goes back to an earlier one', async () => {
    const { id, container } = bot();
    const midnight = Date.UTC(2026, 10, 25);
    const keeper = rig.keeper({ now: () => midnight + 60_000 });
    rig.output.entry(container, 'before\n', midnight - 1);
    rig.output.entry(container, 'after\n', midnight);
    rig.output.entry(container, 'stamped earlier\n', midnight - 2, 'stderr');
    await keeper.flush(id, NO_SIGNAL);
    rig.output.entry(container, 'the clock was set back\n', midnight - 10_000);
    await rig.keeper({ now: () => midnight + 60_000 }).flush(id, NO_SIGNAL);
    const days = await rig.stored(id);
    expect(messages(days['20261124'])).toEqual(['before']);
    expect(messages(days['20261125'])).toEqual(['after', 'stamped earlier', 'the clock was set back']);
  });

  it('a line without its end waits for it, or for the end of the program', async () => {
    const { id, container } = bot();
    const keeper = rig.keeper();
    const piece = 'x'.repeat(16_384);
    rig.output.entry(container, piece, NOON);
    rig.output.entry(container, 'error\n', NOON + 1, 'stderr');
    await keeper.flush(id, NO_SIGNAL);
    expect(messages((await rig.stored(id))['20261124'])).toEqual(['error']);
    rig.output.entry(container, 'error 2\n', NOON + 2, 'stderr');
    rig.output.entry(container, 'end\n', NOON);
    rig.output.entry(container, 'unended', NOON + 5);
    await keeper.flush(id, NO_SIGNAL);
    expect(messages((await rig.stored(id))['20261124'])).toEqual(['error', 'error 2', `${piece}end`]);
    rig.output.end(container);
    await keeper.output(id, container, NO_SIGNAL);
    await keeper.output(id, container, NO_SIGNAL);
    expect(messages((await rig.stored(id))['20261124']).slice(3)).toEqual(['unended']);
  });

  it('what has outrun the engine’s files is told with its span and a guess at its size', async () => {
    const { id, container, print } = bot();
    const keeper = rig.keeper();
    print(...Array.from({ length: 10 }, (_, index) => `${index}`));
    await keeper.flush(id, NO_SIGNAL);
    print(...Array.from({ length: 10 }, (_, index) => `lost ${index}`), 'kept 1', 'kept 2');
    rig.output.drop(container, 20);
    await keeper.flush(id, NO_SIGNAL);
    await keeper.flush(id, NO_SIGNAL);
    const lines = (await rig.stored(id))['20261124'] ?? [];
    expect(lines).toHaveLength(13);
    expect(JSON.parse(lines[10] ?? '')).toEqual({
      level: 'warn',
      message: expect.stringMatching(/^\[the0\] output between .* is lost \(about 154 bytes\)/) as string,
      timestamp: '2026-11-24T12:00:21Z',
      gap: {
        from: '2026-11-24T12:00:10.000000000Z',
        to: '2026-11-24T12:00:21.000000000Z',
        aboutBytes: 154,
      },
    });
    expect(messages(lines.slice(11))).toEqual(['kept 1', 'kept 2']);
  });
});

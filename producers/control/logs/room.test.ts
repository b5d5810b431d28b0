import { expect, it, vi } from 'vitest';
import { LogRoom } from './room.ts';
import { StoredLog } from './stored-log.ts';

/** A log of which nothing is stored; `problem`: S3 is away. */
const emptyLog = (problem?: Error): StoredLog =>
  new StoredLog({
    store: {
      list: () => (problem === undefined ? Promise.resolve([]) : Promise.reject(problem)),
      stat: () => Promise.reject(new Error('nothing is there')),
      piece: () => Promise.reject(new Error('nothing is there')),
    },
    bucket: 'logs',
    id: 'bot',
  });

const roomOf = (options: { bounds?: { lines: number; bytes: number }; log?: StoredLog } = {}): LogRoom =>
  new LogRoom({ log: emptyLog(), save: async () => undefined, gatherMs: 0, ...options });
const print = (room: LogRoom, from: number, count: number): void =>
  room.heard(Buffer.from(Array.from({ length: count }, (_, at) => `n${from + at}\n`).join('')));
const never = new AbortController().signal;

it('gives all readers at the same place the same object', async () => {
  const room = roomOf();
  await room.open();
  const [one, two] = [room.next(0, never, 5_000), room.next(0, never, 5_000)];
  print(room, 1, 3);
  expect(await one).toBe(await two);
  expect((await one)?.lines.map(({ text }) => text)).toEqual(['n1', 'n2', 'n3']);
  room.close(new Error('over'));
});

it('tells a reader who is too late so, and keeps no more for him than is bounded', async () => {
  const room = roomOf({ bounds: { lines: 100, bytes: 10_000 } });
  await room.open();
  for (let round = 0; round < 1_000; round += 1) print(room, round * 50, 50);
  expect(room.linesFrom(0).lines).toHaveLength(100);
  await expect(room.next(0, never, 10)).rejects.toMatchObject({
    refusal: 'exhausted',
    code: 'reader_too_slow',
  });
  await vi.waitFor(async () =>
    expect((await room.next(room.end - 1, never, 1_000))?.lines.map(({ text }) => text)).toEqual(['n49999']),
  );
  room.close(new Error('over'));
});

it('ties nothing to what is stored where lines between the two are gone, until they are saved', async () => {
  let content = '';
  const log = new StoredLog({
    store: {
      list: () =>
        Promise.resolve(
          content === ''
            ? []
            : [{ key: 'logs/bot/20261124.log', bytes: content.length, etag: '', lastModified: new Date(0) }],
        ),
      stat: () =>
        Promise.resolve({ bytes: content.length, etag: '', lastModified: new Date(0), metadata: {} }),
      piece: (_bucket, _key, { from, bytes }) =>
        Promise.resolve(Buffer.from(content.slice(from, from + bytes))),
    },
    bucket: 'logs',
    id: 'bot',
  });
  const room = roomOf({ log, bounds: { lines: 10, bytes: 10_000 } });
  await room.open();
  print(room, 0, 100);
  expect(room.anchor).toBeUndefined();
  content = 'n0\nn1\n';
  await room.settle();
  expect(room.anchor).toBeUndefined();
  content = Array.from({ length: 95 }, (_, at) => `n${at}\n`).join('');
  await room.settle();
  expect(room.anchor).toEqual({
    place: { day: '20261124', offset: content.length },
    from: 95,
    counts: expect.anything() as unknown,
  });
  room.close(new Error('over'));
});

it('waits no longer than it is asked to, until its reader leaves, or until it ends', async () => {
  const room = roomOf();
  await room.open();
  expect(await room.next(0, never, 1)).toBeUndefined();
  const leaves = new AbortController();
  const left = room.next(0, leaves.signal, 60_000);
  leaves.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  const waits = room.next(0, never, 60_000);
  room.close(new Error('NATS is away'));
  await expect(waits).rejects.toThrow('NATS is away');
  await expect(room.next(0, never, 60_000)).rejects.toThrow('NATS is away');
});

it('goes on while S3 is away, with lines that have no position', async () => {
  const room = roomOf({ log: emptyLog(new Error('S3 is away')) });
  expect(await room.open()).toBe('');
  expect(room.anchor).toBeUndefined();
  print(room, 1, 1);
  const batch = await room.next(0, never, 5_000);
  expect(batch?.lines).toMatchObject([{ text: 'n1', position: '' }]);
  room.close(new Error('over'));
});

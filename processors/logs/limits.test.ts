import { beforeEach, describe, expect, it } from 'vitest';
import { keeperOf, messagesOf, MIDNIGHT } from '../../test/support/log-keeper.ts';
import { Output } from '../../test/support/log-output.ts';
import { MemoryStorage } from '../../test/support/log-storage.ts';

const BOT = 'bot';
const KB = 1024;
const TODAY = `logs/${BOT}/20261125.log`;
const NO_SIGNAL = new AbortController().signal;
const NOON = MIDNIGHT + 12 * 3_600_000;
const LIMITS = { lineKb: 64, rateBytes: 1e9, dayBytes: 1e12 };

let output: Output;
let storage: MemoryStorage;
let container: string;
beforeEach(() => {
  output = new Output();
  storage = new MemoryStorage();
  container = output.container(BOT);
});

const keeper = (limits: Partial<typeof LIMITS>, now = (): number => NOON) =>
  keeperOf(
    output,
    storage.client(() => Promise.resolve(undefined)),
    { limits: { ...LIMITS, ...limits }, now },
  );

describe('a bot that floods', () => {
  it('keeps a minute’s worth at once, then its rate, and is told what is left out', async () => {
    const flooding = keeper({ rateBytes: KB });
    // Stored, each has 100 bytes.
    const line = `${'x'.repeat(50)}\n`;
    for (let count = 0; count < 1_000; count += 1) output.entry(container, line, NOON, 'stdout', count);
    await flooding.flush(BOT, NO_SIGNAL);
    const kept = Math.floor((60 * KB) / 100);
    const first = messagesOf(storage, TODAY);
    expect(first).toHaveLength(kept + 1);
    expect(first.at(-1)).toBe(
      `[the0] ${1_000 - kept} lines (${(1_000 - kept) * 100} bytes) left out: the bot prints more than 1 KB a second (LOG_RATE_KB). Print less, or raise the limit.`,
    );
    await flooding.flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY)).toHaveLength(kept + 1);
    // Ten seconds later there is room for ten seconds' worth.
    for (let count = 0; count < 200; count += 1)
      output.entry(container, line, NOON + 10_000, 'stdout', count);
    await keeper({ rateBytes: KB }).flush(BOT, NO_SIGNAL);
    const second = messagesOf(storage, TODAY).slice(kept + 1);
    expect(second.length).toBe(Math.floor((10 * KB + ((60 * KB) % 100)) / 100) + 1);
    expect(second.at(-1)).toMatch(/^\[the0\] 98 lines/);
  });

  it('goes on earning when the clock was set back', async () => {
    const flooding = keeper({ rateBytes: KB });
    const line = `${'x'.repeat(50)}\n`;
    for (let count = 0; count < 1_000; count += 1)
      output.entry(container, line, NOON + 3_600_000, 'stdout', count);
    await flooding.flush(BOT, NO_SIGNAL);
    const before = messagesOf(storage, TODAY).length;
    // It prints one line a second, far below its rate.
    for (let count = 0; count < 20; count += 1) output.entry(container, line, NOON + count * 1_000);
    await flooding.flush(BOT, NO_SIGNAL);
    const added = messagesOf(storage, TODAY).slice(before);
    // The first one comes too early for what was left.
    expect(added.filter((message) => message.startsWith('x'))).toHaveLength(19);
  });

  it('stops at the day’s limit, and goes on with the next day', async () => {
    let nowMs = NOON;
    const limited = keeper({ dayBytes: 1_000 }, () => nowMs);
    for (let count = 0; count < 50; count += 1) output.entry(container, `${count}\n`, NOON + count);
    await limited.flush(BOT, NO_SIGNAL);
    const stored = storage.objects.get(TODAY);
    expect(messagesOf(storage, TODAY).at(-1)).toMatch(
      /^\[the0\] \d+ lines .* left out: the log of this day holds/,
    );
    for (let count = 50; count < 60; count += 1) output.entry(container, `${count}\n`, NOON + count);
    await limited.flush(BOT, NO_SIGNAL);
    // A full day's object is left alone.
    expect(storage.objects.get(TODAY)).toBe(stored);
    nowMs = MIDNIGHT + 24 * 3_600_000;
    output.entry(container, 'a new day\n', nowMs);
    await limited.flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY).at(-1)).toMatch(/^\[the0\] 10 lines/);
    expect(messagesOf(storage, `logs/${BOT}/20261126.log`)).toEqual(['a new day']);
  });
});

describe('long lines', () => {
  const PIECE = Buffer.alloc(16 * KB, 'x');
  const print = (pieces: number, atMs: number): void => {
    for (let piece = 0; piece < pieces; piece += 1) output.entry(container, PIECE, atMs);
  };

  it('one of 100 MB is cut at the limit, however it is read, and what comes after it is whole', async () => {
    print(2, NOON);
    await keeper({}).flush(BOT, NO_SIGNAL);
    expect(storage.objects.size).toBe(0);
    print(3_000, NOON);
    await keeper({}).flush(BOT, NO_SIGNAL);
    print(3_398, NOON);
    await keeper({}).flush(BOT, NO_SIGNAL);
    output.entry(container, 'end of it\n', NOON);
    output.entry(container, 'next\n', NOON + 1);
    await keeper({}).flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY)).toEqual([
      `${'x'.repeat(64 * KB)} [the0] cut: longer than 64 KB`,
      'next',
    ]);
  });

  it('one that is just as long as the limit is not cut', async () => {
    print(4, NOON);
    output.entry(container, '\n', NOON);
    print(4, NOON + 1);
    output.entry(container, 'y\n', NOON + 1);
    await keeper({}).flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY).map((message) => message.length)).toEqual([64 * KB, 64 * KB + 30]);
  });

  it('one that a program left unended is not joined with the first of the next program', async () => {
    output.entry(container, 'unended', NOON);
    output.entry(container, 'first\n', NOON + 1);
    output.entry(container, 'unended again', NOON + 2);
    await keeper({}).flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY)).toEqual(['unended', 'first']);
    output.entry(container, 'second\n', NOON + 3);
    await keeper({}).flush(BOT, NO_SIGNAL);
    expect(messagesOf(storage, TODAY)).toEqual(['unended', 'first', 'unended again', 'second']);
  });
});

describe('reading', () => {
  it('is of the newest entries alone, and of more only where they do not reach back', async () => {
    let printed = 0;
    const print = (count: number): void => {
      for (let line = 0; line < count; line += 1) output.entry(container, `${line}\n`, NOON + printed++);
    };
    const reads = async (): Promise<unknown[]> => {
      output.reads.length = 0;
      await keeper({}).flush(BOT, NO_SIGNAL);
      return output.reads.slice();
    };
    print(20_000);
    expect(await reads()).toEqual(['all']);
    print(10);
    expect(await reads()).toEqual([100]);
    print(500);
    expect(await reads()).toEqual([100, 1_000]);
    print(5_000);
    expect(await reads()).toEqual([100, 1_000, 10_000]);
    print(15_000);
    expect(await reads()).toEqual([100, 1_000, 10_000, 'all']);
    expect(messagesOf(storage, TODAY)).toHaveLength(40_510);
  });

  it('much output is saved in several writes of bounded size', async () => {
    const line = Buffer.alloc(16 * KB - 1, 'x');
    for (let count = 0; count < 1_500; count += 1)
      output.entry(container, Buffer.concat([line, Buffer.from('\n')]), NOON, 'stdout', count);
    const { bytes } = await keeper({}).flush(BOT, NO_SIGNAL);
    expect(bytes).toBeGreaterThan(24_000_000);
    expect(messagesOf(storage, TODAY)).toHaveLength(1_500);
  });

  it('more containers at once than a cursor can tell apart: the rest waits, and its container is not let go', async () => {
    const containers = Array.from({ length: 80 }, () => output.container(BOT, 'run'));
    for (const [index, id] of containers.entries()) {
      output.entry(id, `${index}\n`, NOON);
      output.end(id);
    }
    const saving = keeper({});
    let rounds = 0;
    for (let left = containers; left.length > 0; rounds += 1) {
      const kept: string[] = [];
      for (const id of left) {
        const saved = await saving.output(BOT, id, NO_SIGNAL).then(
          () => true,
          () => false,
        );
        if (saved) output.containers.delete(id);
        else kept.push(id);
      }
      expect(kept.length).toBeLessThan(left.length);
      left = kept;
    }
    expect(
      messagesOf(storage, TODAY)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(containers.map((_, index) => index));
  });
});

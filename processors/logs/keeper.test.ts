import fc from 'fast-check';
import { expect, it } from 'vitest';
import { S3Error } from '../../infra/s3/errors.ts';
import type { LogStream } from '../../model/log-cursor.ts';
import { keeperOf, messagesOf, MIDNIGHT } from '../../test/support/log-keeper.ts';
import { Output } from '../../test/support/log-output.ts';
import { MemoryStorage, type StorageFault } from '../../test/support/log-storage.ts';
import type { LogKeeper } from './keeper.ts';

const BOT = 'bot';
const NO_SIGNAL = new AbortController().signal;

/** Entries that are printed one after another; `pieces` of one line carry one time. */
type PrintedLine = { container: number; stream: LogStream; pieces: string[]; stepMs: number };
type Step =
  | { kind: 'print'; entries: number }
  | { kind: 'flush'; by: number[]; faults: StorageFault[] }
  | { kind: 'restart'; container: number };

const printedLine: fc.Arbitrary<PrintedLine> = fc.record({
  container: fc.nat(1),
  stream: fc.constantFrom('stdout', 'stderr'),
  pieces: fc.array(fc.string({ unit: fc.constantFrom('a', '7', '{', '"', '价', '\0'), maxLength: 6 }), {
    minLength: 1,
    maxLength: 4,
  }),
  // Clocks also step back.
  stepMs: fc.oneof(fc.integer({ min: -300, max: 5_000 }), fc.constant(0)),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('print' as const), entries: fc.integer({ min: 1, max: 12 }) }),
  fc.record({
    kind: fc.constant('flush' as const),
    by: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    faults: fc.array(fc.constantFrom<StorageFault[]>(undefined, undefined, 'before', 'after'), {
      maxLength: 8,
    }),
  }),
  fc.record({ kind: fc.constant('restart' as const), container: fc.nat(1) }),
);

it('no line is lost, split, joined or doubled, whoever flushes, whatever breaks, also as the day changes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(printedLine, { maxLength: 60 }),
      fc.array(step, { maxLength: 25 }),
      fc.infiniteStream(fc.nat(40)),
      async (printed, steps, waits) => {
        const world = new World(waits);
        world.plan(printed);
        for (const next of steps) await world.take(next);
        await world.finish();
        expect(world.stored()).toEqual(world.expected);
      },
    ),
    { numRuns: 150 },
  );
  // Hundreds of worlds: on a machine that has other work to do that takes its time.
}, 60_000);

it('one that still takes yesterday’s object for the newest writes nothing to it', async () => {
  const output = new Output();
  const storage = new MemoryStorage();
  const [first, second] = [output.container(BOT, 'run'), output.container(BOT, 'run')];
  const other = keeperOf(
    output,
    storage.client(() => Promise.resolve(undefined)),
  );
  output.entry(first, 'yesterday\n', MIDNIGHT - 2_000);
  await other.flush(BOT, NO_SIGNAL);
  const etag = storage.objects.get(`logs/${BOT}/20261124.log`)?.etag;
  const slow = keeperOf(
    output,
    storage.client(() => Promise.resolve(undefined)),
    {
      engine: {
        ...output.engine,
        // Between its look at the object and its reading of the output, another goes on to the next day.
        list: async (...about) => {
          if (output.get(first).entries.length === 1) {
            output.entry(first, 'today\n', MIDNIGHT);
            await other.flush(BOT, NO_SIGNAL);
            output.entry(second, 'stamped yesterday\n', MIDNIGHT - 1_000);
          }
          return output.engine.list(...about);
        },
      },
    },
  );
  await slow.flush(BOT, NO_SIGNAL);
  expect(storage.objects.get(`logs/${BOT}/20261124.log`)?.etag).not.toBe(etag);
  expect(messagesOf(storage, `logs/${BOT}/20261124.log`)).toEqual(['yesterday']);
  expect(messagesOf(storage, `logs/${BOT}/20261125.log`)).toEqual(['today', 'stamped yesterday']);
});

class World {
  readonly #output = new Output();
  readonly #storage = new MemoryStorage();
  readonly #containers = [this.#output.container(BOT), this.#output.container(BOT, 'run')];
  readonly #waits: IterableIterator<number>;
  readonly #queue: (() => void)[] = [];
  /** By container and stream. */
  readonly expected: Record<string, string[]> = {};
  #faults: StorageFault[] = [];
  #nowMs = MIDNIGHT - 20_000;
  #keepers = [0, 1, 2].map(() => this.#keeper());

  constructor(waits: IterableIterator<number>) {
    this.#waits = waits;
  }

  /** Pieces of a line on one stream are interleaved with the other stream's lines. */
  plan(printed: readonly PrintedLine[]): void {
    const late: (() => void)[] = [];
    for (const [index, { container, stream, pieces, stepMs }] of printed.entries()) {
      const id = this.#containers[container] ?? '';
      const name = `${container} ${stream}`;
      const texts = [`${name} ${index} `, ...pieces];
      (this.expected[name] ??= []).push(texts.join('').trim());
      let atMs = 0;
      const write = (text: string, at: number): void => {
        if (at === 0) atMs = this.#nowMs += stepMs;
        this.#output.entry(id, at === texts.length - 1 ? `${text}\n` : text, atMs, stream);
      };
      const writes = texts.map((text, at) => () => write(text, at));
      // An unfinished line of this very stream has to end first.
      const unfinished = late.splice(0);
      if (index % 3 === 0) {
        this.#queue.push(...unfinished, ...writes.slice(0, 1));
        late.push(...writes.slice(1));
        if (printed[index + 1]?.container === container && printed[index + 1]?.stream === stream)
          this.#queue.push(...late.splice(0));
      } else this.#queue.push(...writes, ...unfinished);
    }
    this.#queue.push(...late);
  }

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'print':
        for (const write of this.#queue.splice(0, next.entries)) write();
        return;
      case 'restart':
        // A processor that is killed: its memory goes.
        this.#keepers[next.container] = this.#keeper();
        return;
      case 'flush':
        this.#faults = [...next.faults];
        await Promise.all(
          next.by.map(async (by) => {
            try {
              await this.#keepers[by]?.flush(BOT, NO_SIGNAL);
            } catch (error) {
              if (!(error instanceof S3Error)) throw error;
            }
          }),
        );
        this.#faults = [];
    }
  }

  async finish(): Promise<void> {
    for (const write of this.#queue.splice(0)) write();
    for (const id of this.#containers) this.#output.end(id);
    for (const id of this.#containers) await this.#keepers[0]?.output(BOT, id, NO_SIGNAL);
  }

  stored(): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const key of [...this.#storage.objects.keys()].sort())
      for (const line of this.#storage.objects.get(key)?.content.toString('utf8').trimEnd().split('\n') ??
        []) {
        const { message } = JSON.parse(line) as { message: string };
        (found[message.split(' ', 2).join(' ')] ??= []).push(message);
      }
    return found;
  }

  #keeper(): LogKeeper {
    const storage = this.#storage.client(async () => {
      // Bots print on while a flush is at work, and others flush.
      const wait = Number(this.#waits.next().value);
      for (let turns = wait; turns > 0; turns -= 1) await Promise.resolve();
      if (wait % 4 === 0) for (const write of this.#queue.splice(0, 2)) write();
      return this.#faults.shift();
    });
    return keeperOf(this.#output, storage, { now: () => this.#nowMs });
  }
}

import { ConditionFailed } from '../../infra/s3/errors.ts';
import { MongoClient } from 'mongodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { LABEL } from '../../model/labels.ts';
import type { LogKeeperOptions } from '../../processors/logs/keeper.ts';
import { newBotId } from '../support/bots.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';
import { logRig, NO_SIGNAL, type LogRig } from './log-rig.ts';

const SLOW_MS = 120_000;
const MB = 1024 * 1024;

const servers = testServers();
const mongo = new MongoClient(servers.mongoUri);
let engine: Engine;
let rig: LogRig & Disposable;
let count = 0;

beforeAll(async () => {
  const log = createLogger({ level: 'silent', service: 'test' });
  engine = createDockerEngine({ installation: servers.installation, dockerHost: testEngine(), log });
  rig = await logRig(servers, { collections: collections(mongo, servers.databases), nowMs: Date.now() });
});

afterAll(async () => {
  rig[Symbol.dispose]();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  await mongo.close();
});

/**
 * Runs Python as a bot's container, flushed by two keepers until it has ended, and gives what is stored. `meanwhile`: once
 * something is stored; nothing is flushed until it resolves.
 */
async function flushedWhileRunning(
  program: string,
  logBytes: number,
  options: Partial<LogKeeperOptions> = {},
  meanwhile?: (containerId: string) => Promise<void>,
): Promise<string[]> {
  const bot = newBotId();
  const image = await engine.resolveImage('python:3.11-slim');
  if (image === undefined) throw new Error('python:3.11-slim is not present: run "npm run images" first');
  const id = await engine.create({
    name: `${servers.installation}_bot_${++count}`,
    kind: 'bot',
    image,
    command: ['python3', '-u', '-c', program],
    workingDir: '/tmp',
    env: {},
    labels: { [LABEL.id]: bot },
    limits: {
      memoryBytes: 128 * MB,
      cpus: 1,
      cpuShares: 512,
      pids: 64,
      nofile: 256,
      nproc: 4096,
      shmBytes: 4 * MB,
      logBytes,
    },
    volumes: [],
    tmpfs: [{ path: '/tmp', sizeMb: 4, exec: false, mode: 0o1777 }],
    network: 'none',
  });
  await engine.start(id);
  const ended = engine.wait(id).then(() => true);
  const keepers = [0, 1].map(() => rig.keeper({ engine, engineBytes: logBytes, now: Date.now, ...options }));
  let isDue = meanwhile !== undefined;
  while (!(await Promise.race([ended, sleep(100).then(() => false)]))) {
    await flushAll(keepers.map((keeper) => keeper.flush(bot, NO_SIGNAL)));
    if (!isDue || Object.keys(await rig.stored(bot)).length === 0) continue;
    isDue = false;
    await meanwhile?.(id);
  }
  await Promise.all(keepers.map((keeper) => keeper.output(bot, id, NO_SIGNAL)));
  await engine.remove(id);
  return Object.values(await rig.stored(bot)).flat();
}

/** One of them may find again and again that the other is at it, and leaves it to that one then, as its job does. */
async function flushAll(flushes: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(flushes)).filter((one) => one.status === 'rejected');
  const real =
    failed.find(({ reason }) => !(reason instanceof ConditionFailed)) ?? failed[flushes.length - 1];
  if (real !== undefined) throw real.reason;
}

type Line = { message: string; gap?: unknown };
const parsed = (lines: readonly string[]): Line[] => lines.map((line) => JSON.parse(line) as Line);

it(
  'what a real program prints is stored line by line: pieces joined, streams apart, bytes that are no text',
  async () => {
    const lines = parsed(
      await flushedWhileRunning(
        `
import os, time
out, err = 1, 2
for n in range(300):
    os.write(err if n % 3 == 0 else out, b"line %d\\n" % n)
    if n % 50 == 0: time.sleep(0.05)
for piece in range(10):
    os.write(out, b"%d" % piece * 5000)
    os.write(err, b"between %d\\n" % piece)
    time.sleep(0.05)
os.write(out, b"end\\n")
os.write(out, b"nul \\0 and \\xff\\xfe bytes\\n\\x1b[31mred\\x1b[0m\\n" + b"z" * 20000)
`,
        30 * MB,
      ),
    );
    const messages = lines.map(({ message }) => message);
    const numbered = messages.filter((message) => message.startsWith('line '));
    const byStream = (stderr: boolean): string[] =>
      Array.from({ length: 300 }, (_, n) => n)
        .filter((n) => (n % 3 === 0) === stderr)
        .map((n) => `line ${n}`);
    expect(numbered.filter((line) => Number(line.slice(5)) % 3 === 0)).toEqual(byStream(true));
    expect(numbered.filter((line) => Number(line.slice(5)) % 3 !== 0)).toEqual(byStream(false));
    const rest = messages.filter((message) => !message.startsWith('line '));
    const between = rest.filter((message) => message.startsWith('between '));
    expect(between).toEqual(Array.from({ length: 10 }, (_, piece) => `between ${piece}`));
    const long = `${Array.from({ length: 10 }, (_, piece) => String(piece).repeat(5_000)).join('')}end`;
    expect(rest.filter((message) => !message.startsWith('between '))).toEqual([
      long,
      'nul \0 and \ufffd\ufffd bytes',
      '\u001b[31mred\u001b[0m',
      'z'.repeat(20_000),
    ]);
  },
  SLOW_MS,
);

it(
  'output that outruns the engine’s files is told as a gap, and nothing else is missing or double',
  async () => {
    const total = 400_000;
    // Four times what the engine keeps is printed while nobody flushes, which outruns its files on the quickest machine too.
    const unseen = 100_000;
    const outrun = async (containerId: string): Promise<void> => {
      // Its word to go on. It resolves when the program has printed all.
      void engine.stop(containerId, SLOW_MS).catch(() => undefined);
      await until(
        async () => {
          for await (const { data } of engine.logs(containerId, { tail: 1 }))
            return Number.parseInt(data.toString(), 10) >= unseen;
          return false;
        },
        { timeoutMs: SLOW_MS / 2 },
      );
    };
    const lines = parsed(
      await flushedWhileRunning(
        `
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for start in range(0, ${total}, 1000):
    if start == 1000: signal.sigwait({signal.SIGTERM})
    sys.stdout.write("".join("%d ${'x'.repeat(60)}\\n" % n for n in range(start, start + 1000)))
`,
        3 * MB,
        {},
        outrun,
      ),
    );
    let expected = 0;
    let gaps = 0;
    let missing = 0;
    for (const { message, gap } of lines) {
      if (gap !== undefined) {
        gaps += 1;
        missing = -1;
        continue;
      }
      const number = Number.parseInt(message, 10);
      if (missing === -1) expect(number).toBeGreaterThanOrEqual(expected);
      else expect(number).toBe(expected);
      missing = 0;
      expected = number + 1;
    }
    expect(expected).toBe(total);
    expect(gaps).toBeGreaterThan(0);
  },
  SLOW_MS,
);

it('a gigabyte is printed without harm: what is kept is bounded, and the log says what is not', async () => {
  const lines = parsed(
    await flushedWhileRunning(
      `
import sys
for start in range(0, 1024):
    sys.stdout.write("".join("%d ${'x'.repeat(1_000)}\\n" % n for n in range(start * 1024, start * 1024 + 1024)))
`,
      30 * MB,
      { limits: { lineKb: 64, rateBytes: 64 * 1024, dayBytes: 100 * MB } },
    ),
  );
  const kept = lines.filter(({ message }) => !message.startsWith('[the0] '));
  const numbers = kept.map(({ message }) => Number.parseInt(message, 10));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  // A minute's worth at once, and the rate for as long as it printed.
  expect(kept.length).toBeGreaterThan(3_000);
  expect(kept.length).toBeLessThan(50_000);
  expect(lines.some(({ message }) => /^\[the0\] \d+ lines .* left out/.test(message))).toBe(true);
}, 300_000);

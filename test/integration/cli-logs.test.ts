import { connect, type NatsConnection } from '@nats-io/transport-node';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayText } from '../../producers/control/logs/place.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { collections, databaseNames, type Collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { botDocument } from '../support/bots.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const settings = loadSettings(servers.environment);
const DAY_MS = 86_400_000;
const today = dayText(Date.now());
let s3: S3Client;
let mongo: MongoClient;
let all: Collections;
let nats: NatsConnection;

beforeAll(async () => {
  s3 = new S3Client(s3Options(settings));
  mongo = await MongoClient.connect(servers.mongoUri);
  all = collections(mongo, databaseNames(settings));
  nats = await connect({ servers: servers.natsUrl });
  await s3.ensureBucket(settings.S3_LOG_BUCKET);
});
afterAll(async () => {
  s3?.[Symbol.dispose]();
  await mongo?.close();
  await nats?.close();
});

const cli = (...args: string[]): ReturnType<typeof runCli> => runCli(['logs', ...args], servers.environment);

/** Lines a second apart, the last one at `lastMs`. */
const linesUntil = (lastMs: number, count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => {
    const timestamp = `${new Date(lastMs - (count - 1 - index) * 1_000).toISOString().slice(0, 19)}Z`;
    return `${JSON.stringify({ timestamp, message: text(index) })}\n`;
  }).join('');

const store = (id: string, day: string, content: string): Promise<unknown> =>
  s3.put(settings.S3_LOG_BUCKET, `logs/${id}/${day}.log`, content);

describe('logs', () => {
  it('shows the last lines, of more than one day where today has few', async () => {
    const midnightMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    await store(
      'few',
      dayText(midnightMs - DAY_MS),
      linesUntil(midnightMs - 60_000, 300, (n) => `old ${n}`),
    );
    await store(
      'few',
      today,
      linesUntil(midnightMs + 10_000, 3, (n) => `new ${n}`),
    );
    const { code, stdout } = await cli('few');
    expect(code).toBe(0);
    const shown = stdout.trimEnd().split('\n');
    expect(shown).toHaveLength(100);
    expect(shown[0]).toBe('23:57:24 old 203');
    expect(shown.slice(-3)).toEqual(['00:00:08 new 0', '00:00:09 new 1', '00:00:10 new 2']);
  });

  it('reads a large log from its end, with lines longer than what is read at once', async () => {
    const long = 'x'.repeat(1_500_000);
    await store(
      'large',
      today,
      linesUntil(Date.now(), 5, (n) => (n === 3 ? long : `line ${n}`)) + 'an odd last line',
    );
    const { stdout } = await cli('large', '--lines', '4', '--json');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.length)).toEqual([
      lines[0]?.length,
      lines[1]?.length,
      lines[2]?.length,
      16,
    ]);
    expect(lines[0]).toContain('line 2');
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ message: long });
    expect(lines[3]).toBe('an odd last line');
  });

  it('goes back to a time, or shows a day', async () => {
    await store(
      'since',
      today,
      linesUntil(Date.now(), 60, (n) => `line ${n}`),
    );
    const since = await cli('since', '--since', '20s');
    const count = since.stdout.trimEnd().split('\n').length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(21);
    expect((await cli('since', '--date', today)).stdout.trimEnd().split('\n')).toHaveLength(60);
    expect((await cli('since', '--date', '20200101')).stdout).toBe('It printed nothing on 20200101.\n');
  });

  it('never writes what a bot printed over the terminal', async () => {
    await store(
      'ansi',
      today,
      linesUntil(Date.now(), 1, () => '\u001b[2J\u0007boo'),
    );
    const { stdout } = await cli('ansi');
    expect(stdout).toContain('boo');
    expect(stdout).not.toMatch(/[\u0007\u001b]/);
  });

  it('tells a bot that has printed nothing from one that does not exist', async () => {
    await all.bots.insertOne(botDocument('quiet', { filePath: 'me/quiet/1.0.0' }));
    expect(await cli('quiet')).toMatchObject({
      code: 0,
      stdout: 'It printed nothing in the last 7 days.\n',
    });
    const unknown = await cli('nobody');
    expect(unknown).toMatchObject({ code: 3, stdout: '' });
    expect(unknown.stderr).toContain('There is no bot or schedule "nobody"');
  });

  it.each([
    ['--date', '2026'],
    ['--date', '20261399'],
    ['--since', 'tuesday'],
    ['--lines', '0'],
  ])('refuses %s %s', async (flag, value) => {
    const refused = await cli('few', flag, value);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(flag);
  });

  it('follows what comes, and shows nothing twice', async () => {
    await store(
      'live',
      today,
      linesUntil(Date.now(), 2, (n) => `stored ${n}`),
    );
    await using following = new CliProcess(['logs', 'live', '-f'], servers.environment);
    await following.says(/stored 1/);
    // Chunks end anywhere; the first line is in the log already.
    nats.publish('the0.bot.logs.live', 'stored 1\nlive ');
    nats.publish('the0.bot.logs.live', 'one\nlive two\n');
    await following.says(/live two/);
    expect(following.stdout.match(/stored 1/g)).toHaveLength(1);
    expect(following.stdout).toMatch(/live one\n.*live two\n/);
  });

  it('follows as JSON, whatever a bot prints', async () => {
    await store(
      'live-json',
      today,
      linesUntil(Date.now(), 1, () => 'stored'),
    );
    await using following = new CliProcess(['logs', 'live-json', '-f', '--json'], servers.environment);
    await following.says(/stored/);
    nats.publish('the0.bot.logs.live-json', 'plain\n{"n":1}\n');
    await following.says(/"n":1/);
    const lines = following.stdout.trimEnd().split('\n');
    expect(lines.slice(1).map((line) => JSON.parse(line) as unknown)).toEqual([
      { timestamp: expect.any(String) as unknown, message: 'plain' },
      { n: 1, timestamp: expect.any(String) as unknown },
    ]);
  });

  it('says what is away', async () => {
    const away = await runCli(['logs', 'few'], { ...servers.environment, S3_ENDPOINT: '127.0.0.1:1' });
    expect(away).toMatchObject({ code: 4 });
    expect(away.stderr).toContain('S3_ENDPOINT');
    const noNats = await runCli(['logs', 'few', '-f'], { ...servers.environment, NATS_URL: '' });
    expect(noNats).toMatchObject({ code: 1 });
    expect(noNats.stderr).toContain('NATS_URL is not set');
  });
});

import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { MongoClient } from 'mongodb';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import { connectionOptions } from '../../infra/nats/connect.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const settings = loadSettings(servers.environment);
const client = new MongoClient(servers.mongoUri);
const all: Collections = collections(client, servers.databases);
const away = { MONGO_URI: 'mongodb://127.0.0.1:1/', NATS_URL: 'nats://127.0.0.1:1' };
let base = '';
let folder = '';
let nats: Awaited<ReturnType<typeof connect>>;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'cli-'));
  folder = join(base, 'bot');
  await import('node:fs/promises').then((fs) => fs.mkdir(folder));
  await writeFile(
    join(folder, 'bot-config.yaml'),
    `name: cli-${servers.installation}\nversion: 1.0.0\ntype: realtime\nruntime: python3.11\nentrypoints: {bot: main.py}\n`,
  );
  await writeFile(join(folder, 'main.py'), 'def main(id, config, results=None): pass\n');
  await writeFile(join(folder, 'config.json'), '{"symbol":"BTC/USD","apiKey":"canary-7f3a"}');
  nats = await connect(connectionOptions(servers.natsUrl, 'test'));
});
afterAll(async () => {
  await client.db(servers.databases.bots).dropDatabase();
  await client.db(servers.databases.runtime).dropDatabase();
  await client.close();
  await nats.close();
  await rm(base, { recursive: true, force: true });
});

const cli = (args: string[], environment: Record<string, string> = servers.environment) =>
  runCli(args, environment);

async function lastEvent(
  subject: string,
): Promise<{ id: string; config: Record<string, unknown>; custom?: Record<string, unknown> }> {
  const jsm = await jetstreamManager(nats);
  const message = await jsm.streams.getMessage(EVENTS_STREAM, { last_by_subj: subject });
  if (message === null) throw new Error(`no ${subject}`);
  return message.json();
}

describe('deploy, bots, undeploy', () => {
  it('uploads, publishes as the platform does, and prints the id', async () => {
    const { code, stdout, stderr } = await cli(['deploy', folder, '--json']);
    expect(stderr).toContain('uploaded 2 files');
    expect(code).toBe(0);
    const done = JSON.parse(stdout) as { id: string; event: string; filePath: string };
    expect(done).toMatchObject({ event: 'created', filePath: `local/cli-${servers.installation}/1.0.0` });
    expect(done.id).toMatch(/^[a-z][a-z0-9]{23}$/);
    const event = await lastEvent('the0.bot.created');
    expect(event).toMatchObject({
      id: done.id,
      config: { symbol: 'BTC/USD', type: `realtime/cli-${servers.installation}` },
      custom: { filePath: done.filePath },
    });
    using s3 = new S3Client(s3Options(settings));
    expect((await s3.stat(servers.codeBucket, done.filePath)).bytes).toBeGreaterThan(0);
    expect(stdout + stderr).not.toContain('canary-7f3a');
  });

  it('updates a bot that is known, keeps the code that is there, and refuses a version whose code has changed', async () => {
    await all.bots.insertOne({ id: 'known-1', config: {}, custom: { version: '1.0.0' } });
    const again = await cli(['deploy', folder, '--id', 'known-1']);
    expect(again.stdout).toContain('is there already, unchanged');
    expect(again.stdout).toMatch(/updated cli-.* 1.0.0: bot known-1/);
    expect((await lastEvent('the0.bot.updated')).id).toBe('known-1');
    await writeFile(join(folder, 'more.py'), '1');
    const changed = await cli(['deploy', folder, '--id', 'known-1']);
    expect(changed).toMatchObject({ code: 1 });
    expect(changed.stderr).toMatch(/was deployed before with other code: raise "version"/);
    await rm(join(folder, 'more.py'));
    await all.bots.updateOne({ id: 'known-1' }, { $set: { 'custom.version': '0.9.0' } });
    expect((await cli(['deploy', folder, '--id', 'known-1'])).stderr).toMatch(
      /refuses to change the major version/,
    );
  });

  it('publishes the deletion of a bot that is known', async () => {
    await all.bots.insertOne({ id: 'known-2', config: { name: 'x', customBotId: 'y' } });
    expect(await cli(['undeploy', 'known-2'])).toMatchObject({ code: 0 });
    expect(await lastEvent('the0.bot.deleted')).toEqual({ id: 'known-2', config: { name: 'x' } });
    expect(await cli(['undeploy', 'nobody'])).toMatchObject({ code: 3 });
  });

  it('lists bots as an array of the promised fields, trouble first', async () => {
    await all.bots.deleteMany({});
    await all.bots.insertMany([
      {
        id: 'a-runs',
        config: { name: 'A', apiKey: 'canary-7f3a' },
        custom: { version: '1.0.0', config: { runtime: 'nodejs20' } },
      },
      { id: 'b-fails' },
      { id: 'c-off', config: { enabled: false } },
    ]);
    const since = new Date();
    const status = { since, updatedAt: since, restarts: 2, consecutiveFailures: 0, token: 7 };
    await all.status.insertMany([
      {
        _id: 'a-runs',
        phase: 'running',
        reason: 'Runs',
        image: 'node:20-slim',
        containerId: 'abc',
        ...status,
      },
      { _id: 'b-fails', phase: 'failed', reason: 'No main.py', ...status },
    ]);
    const { code, stdout } = await cli(['bots', '--json']);
    expect(code).toBe(0);
    const views = JSON.parse(stdout) as Record<string, unknown>[];
    expect(views.map((view) => [view['id'], view['phase']])).toEqual([
      ['b-fails', 'failed'],
      ['a-runs', 'running'],
      ['c-off', 'stopped'],
    ]);
    expect(views[1]).toEqual({
      id: 'a-runs',
      phase: 'running',
      reason: 'Runs',
      since: since.toISOString(),
      restarts: 2,
      lastExit: null,
      nextAttempt: null,
      image: 'node:20-slim',
      container: 'abc',
      enabled: true,
      name: 'A',
      runtime: 'nodejs20',
      version: '1.0.0',
      type: null,
      hold: null,
      restart: null,
      failureCode: null,
      startedAt: null,
      consecutiveFailures: 0,
      updatedAt: since.toISOString(),
      traceId: null,
    });
    expect(stdout).not.toContain('canary-7f3a');
    expect((await cli(['bots'])).stdout).toMatch(/b-fails +- +failed[^]*1 running, 1 stopped, 1 failed/);
    expect(JSON.parse((await cli(['bots', 'show', 'a-runs', '--json'])).stdout)).toEqual(views[1]);
    expect(await cli(['bots', 'show', 'nobody'])).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('what goes wrong', () => {
  it.each([
    [['bots'], 'MongoDB cannot be reached (MONGO_URI, as the environment says)'],
    [['undeploy', 'x'], 'MongoDB cannot be reached'],
  ])('%j says which server is away and exits with 4', async (args, message) => {
    const { code, stderr } = await cli(args, { ...servers.environment, ...away });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n +at /);
    expect(code).toBe(4);
  });

  it('says that NATS, or S3, is away', async () => {
    const noNats = await cli(['deploy', folder], { ...servers.environment, NATS_URL: away.NATS_URL });
    expect(noNats).toMatchObject({ code: 4 });
    expect(noNats.stderr).toContain('NATS cannot be reached (NATS_URL');
    const noS3 = await cli(['deploy', folder], { ...servers.environment, S3_ENDPOINT: '127.0.0.1:1' });
    expect(noS3).toMatchObject({ code: 4 });
    expect(noS3.stderr).toContain('S3 at 127.0.0.1:1');
  });

  it('says that S3 refused the keys', async () => {
    const { code, stderr } = await cli(['deploy', folder], {
      ...servers.environment,
      S3_SECRET_KEY: 'wrong-wrong',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('S3_SECRET_KEY');
  });

  it.each([
    [['bots', 'shw'], 2, 'shw'],
    [['undeply', 'x'], 2, 'Did you mean undeploy?'],
    [['bots', '--jsn'], 2, 'Did you mean --json?'],
    [['deploy'], 2, 'folder-or-zip'],
    [['deploy', '/nowhere'], 3, 'There is no folder or ZIP at /nowhere'],
    [['deploy', '.', '--id', '../x'], 2, '--id: id "../x" may hold only'],
    [['processor', '--queues', 'start,stp'], 2, 'There is no queue "stp"; there are start, stop, restart'],
    [['processor', '--concurrency', 'many'], 2, 'QUEUE_CONCURRENCY="many"'],
  ])('%j exits with %d', async (args, code, message) => {
    const outcome = await cli(args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });

  it.each(['execute', 'daemon'])(
    '%s has no effect, whatever its flags, and says what replaces it',
    async (name) => {
      const { code, stderr, stdout } = await cli([name, '--skip-sync', 'init', '--bot-id', 'x']);
      expect(code).toBe(0);
      expect(stdout).toBe('');
      expect(stderr).toMatch(new RegExp(`^\`${name}\` has no effect: .*\n$`));
    },
  );

  it('starts no controller on a port that is taken; `dashboard` is another name of it', async () => {
    const free = { ...servers.environment, GRPC_PORT: '0', CONTROL_HEALTH_PORT: '0' };
    await using first = new CliProcess(['dashboard'], { ...free, DASHBOARD_PORT: '0' });
    const [, port = ''] = await first.says(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
    const taken = await cli(['controller'], { ...free, CONTROL_PORT: port });
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain(
      `Port ${port} of 127.0.0.1 is in use, so the control API over HTTP cannot listen there: end what uses it, or set CONTROL_PORT`,
    );
    first.child.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
  });

  it('shows a stack only to those who ask for it', async () => {
    const { stderr } = await cli(['deploy', '/nowhere'], { ...servers.environment, LOG_LEVEL: 'debug' });
    expect(stderr).toMatch(/\n +at /);
  });
});

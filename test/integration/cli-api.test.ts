import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../model/access.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { botDocument } from '../support/bots.ts';
import type { Outcome } from '../support/cli.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { runCliHere } from '../support/cli-here.ts';
import { testDirectory, testServers } from '../support/servers.ts';

/** The command line as a client of a control API that is elsewhere: it has a server and a token, and nothing else. */
const servers = testServers();
const exec = promisify(execFile);
const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];
const tokens: Partial<Record<Role, string>> = {};
let api: TestApi;
let servedBy: Record<'HTTP' | 'gRPC', string>;

const elsewhere = (role: Role = 'operator', way: 'HTTP' | 'gRPC' = 'HTTP'): Record<string, string> => ({
  THE0_SERVER: servedBy[way],
  THE0_TOKEN: tokens[role] ?? '',
});
const cli = (args: string[], environment = elsewhere()): Promise<Outcome> => runCliHere(args, environment);

async function json<T>(args: string[], environment = elsewhere()): Promise<T> {
  const { code, stdout, stderr } = await cli([...args, '--json'], environment);
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

beforeAll(async () => {
  api = await startTestApi({ environment: servers.environment });
  const { host, port } = api.server.grpc;
  servedBy = { HTTP: api.server.url, gRPC: `grpc://${host}:${port}` };
  for (const role of ROLES) tokens[role] = await api.token(role);
  const { bots, status } = api.connections.collections;
  await bots.insertMany(
    ['price-alerts-1', 'price-alerts-2', 'rebalance'].map((id) =>
      botDocument(id, { filePath: 'me/bot/1.0.0' }),
    ),
  );
  const at = new Date();
  const known = { since: at, updatedAt: at, restarts: 0, consecutiveFailures: 0, token: 1, lock: null };
  await status.insertMany([
    { _id: 'price-alerts-1', phase: 'running', reason: 'It runs.', ...known },
    { _id: 'price-alerts-2', phase: 'failed', reason: 'There is no main.py', ...known },
  ]);
});
afterAll(() => api?.stop());

describe.each(['HTTP', 'gRPC'] as const)('over %s', (way) => {
  it('bots are listed, narrowed, shown and explained', async () => {
    const all = await json<{ id: string; phase: string }[]>(['bots'], elsewhere('viewer', way));
    expect(all.map(({ id, phase }) => [id, phase])).toEqual([
      ['price-alerts-2', 'failed'],
      ['rebalance', 'pending'],
      ['price-alerts-1', 'running'],
    ]);
    const failed = ['bots', '--phase', 'failed', '--text', 'ALERTS'];
    expect(await json(failed, elsewhere('viewer', way))).toEqual([all[0]]);
    expect(await json(['bots', 'show', 'price-alerts-2'], elsewhere('viewer', way))).toEqual(all[0]);
    expect(await json(['bots', '--sort', 'id', '--limit', '1'], elsewhere('viewer', way))).toEqual([all[2]]);
    const explained = await cli(['explain', 'price-alerts-2'], elsewhere('viewer', way));
    expect(explained.stdout).toMatch(/^trouble +.*There is no main\.py/);
  });

  it('a viewer is denied what changes something; an operator is not, and the audit has the reason', async () => {
    const stop = ['bots', 'stop', 'price-alerts-1', '--reason', `incident ${way}`];
    const denied = await cli(stop, elsewhere('viewer', way));
    expect(denied).toMatchObject({ code: 5, stdout: '' });
    expect(denied.stderr).toMatch(/operator/);
    const { holds, audit } = api.connections.collections;
    expect(await holds.findOne({ _id: 'price-alerts-1' })).toBeNull();
    const stopped = await cli(stop, elsewhere('operator', way));
    expect(stopped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^price-alerts-1: /) as string });
    expect(await holds.findOne({ _id: 'price-alerts-1' })).toMatchObject({ why: `incident ${way}` });
    expect(
      await audit.findOne({ what: 'BotService/StopBot', why: `incident ${way}`, role: 'operator' }),
    ).toMatchObject({
      target: 'price-alerts-1',
      outcome: 'done',
    });
    const of = ['audit', '--target', 'price-alerts-1', '--what', 'BotService/StopBot'];
    const acts = await json<object[]>(of, elsewhere('viewer', way));
    expect(acts.slice(0, 2)).toMatchObject([
      { role: 'operator', outcome: 'done', why: `incident ${way}` },
      { role: 'viewer', outcome: 'permission_denied', why: `incident ${way}` },
    ]);
    expect((await cli(of, elsewhere('viewer', way))).stdout).toMatch(
      /StopBot +price-alerts-1 +done +incident/,
    );
    const started = await json(
      ['bots', 'start', 'price-alerts-1', '--why', 'it is over'],
      elsewhere('admin', way),
    );
    expect(started).toMatchObject({ id: 'price-alerts-1', changed: true, bot: { hold: null } });
  });

  it('an id that there is not is told with what was meant', async () => {
    const mistyped = await cli(['bots', 'show', 'price-alert-1'], elsewhere('viewer', way));
    expect(mistyped).toMatchObject({ code: 3, stdout: '' });
    expect(mistyped.stderr).toBe(
      'error: There is no bot "price-alert-1". See: npx the0-runtime bots. Did you mean "price-alerts-1"?\n',
    );
  });
});

describe('what goes wrong', () => {
  it.each([
    [['bots', 'stop', 'rebalance', '--why', ' '], 2, /--why: The reason is empty/],
    [['bots', 'stop', 'rebalance'], 2, /--why/],
    [['bots', 'shw', 'rebalance'], 2, /no command "shw rebalance" of bots. Did you mean show\?/],
    [['bots', '--phase', 'faild'], 2, /There is no phase "faild"; there are pending/],
    [['bots', 'show', 'x', '--phase', 'failed'], 2, /unknown option '--phase'/],
    [['bots', 'stop', 'nothing-like-it', '--why', 'x'], 3, /There is no bot "nothing-like-it"\. See: [^.]*$/],
  ])('%j exits with %d', async (args, code, message) => {
    const outcome = await cli(args);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
  });

  it('the same key with another request is a conflict', async () => {
    const key = ['--key', 'k-1'];
    expect(await cli(['bots', 'hold', 'rebalance', '--why', 'a', ...key])).toMatchObject({ code: 0 });
    expect(await cli(['bots', 'hold', 'rebalance', '--why', 'b', ...key])).toMatchObject({ code: 6 });
  });

  it('no token, a wrong one, and one that cannot be one are denied; none is ever printed', async () => {
    const none = await cli(['bots'], { THE0_SERVER: servedBy.HTTP });
    expect([none.code, none.stderr]).toEqual([5, expect.stringContaining('There is no token for http://')]);
    const secret = `the0_${'a'.repeat(12)}_${'canary-7f3a'.repeat(4).slice(0, 43)}`;
    const file = join(testDirectory(), 'token');
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${secret}\n`);
    for (const server of Object.values(servedBy)) {
      const wrong = await cli(['bots', '--server', server, '--token-file', file], {
        THE0_TOKEN: tokens.admin ?? '',
      });
      expect(wrong.code).toBe(5);
      expect(wrong.stderr).toContain('The token is not known here');
      expect(wrong.stdout + wrong.stderr).not.toContain('canary');
    }
    const broken = await cli(['bots'], { ...elsewhere(), THE0_TOKEN: 'two words canary' });
    expect([broken.code, broken.stderr]).toEqual([5, expect.stringContaining('THE0_TOKEN is no token')]);
    expect(broken.stderr).not.toContain('canary');
  });

  it('what is not there, or speaks otherwise, is told plainly', async () => {
    const at = (server: string) => cli(['bots'], { ...elsewhere(), THE0_SERVER: server });
    const nobody = await at('http://127.0.0.1:1');
    expect([nobody.code, nobody.stderr]).toEqual([4, expect.stringContaining('nothing listens there')]);
    expect((await at('http://no-such-host.invalid:8090')).stderr).toContain(
      'there is no host "no-such-host.invalid"',
    );
    const swapped = [
      servedBy.HTTP.replace('http', 'grpc'),
      servedBy.gRPC.replace('grpc', 'http'),
      servedBy.HTTP.replace('http', 'https'),
    ];
    for (const server of swapped) {
      const outcome = await at(server);
      expect(outcome.stderr).toMatch(/what answers there does not speak .*See scheme and port/);
      expect(outcome.code).toBe(4);
    }
    const other: Server = createServer((_request, response) => void response.writeHead(404).end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const page = await at(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
    other.close();
    expect(page).toMatchObject({ code: 1, stdout: '' });
    expect(page.stderr).toContain('see whether it is a control API');
  });

  it('a certificate that nobody has signed, or of another host, is told as such; THE0_CA_FILE mends the first', async () => {
    const dir = testDirectory();
    mkdirSync(dir, { recursive: true });
    const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=the0', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await exec('openssl', ['req', '-x509', ...key, ...subject, '-keyout', keyFile, '-out', certFile]);
    await using secure = await startTestApi({
      environment: servers.environment,
      server: { tls: { certFile, keyFile } },
    });
    const { url, grpc } = secure.server;
    for (const server of [url, `grpcs://127.0.0.1:${grpc.port}`]) {
      const trusting = { ...elsewhere(), THE0_SERVER: server, THE0_CA_FILE: certFile };
      const unknown = await cli(['bots'], { ...elsewhere(), THE0_SERVER: server });
      expect(unknown.stderr).toContain('its certificate is signed by nobody whom this machine trusts');
      expect(unknown.code).toBe(4);
      expect(await cli(['bots'], trusting)).toMatchObject({ code: 0 });
      const named = { ...trusting, THE0_SERVER: server.replace('127.0.0.1', 'localhost') };
      expect((await cli(['bots'], named)).stderr).toContain('its certificate is not for localhost');
    }
    const clear = await cli(['bots'], { ...elsewhere(), THE0_SERVER: url.replace('https', 'http') });
    expect(clear.stderr).toMatch(/does not speak HTTP in clear/);
    const none = await cli(['bots'], { ...elsewhere(), THE0_CA_FILE: join(dir, 'none.pem') });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('THE0_CA_FILE=')]);
  });

  it('what the API itself finds away is told as its words', async () => {
    const outcome = await cli(['query', 'rebalance', '/status']);
    expect(outcome).toMatchObject({ code: 4, stdout: '' });
    expect(outcome.stderr).toContain(`The query server does not answer`);
  });
});

it('a list is watched until Ctrl-C, which is no failure', async () => {
  await using watching = new CliProcess(['bots', '-w', '0.2', '--json'], elsewhere('viewer'));
  await watching.says(/"rebalance"/);
  await api.connections.collections.bots.insertOne(botDocument('newcomer', { filePath: 'me/bot/1.0.0' }));
  await watching.says(/"newcomer"/);
  watching.child.kill('SIGINT');
  const { code, stdout } = await watching.ended;
  expect(code).toBe(0);
  expect(
    stdout
      .trimEnd()
      .split(/\n+/)
      .map((line) => (JSON.parse(line) as unknown[]).length),
  ).toEqual([3, 4]);
});

describe('the rest of the API', () => {
  it('tells of the installation, of the token, and of the queues', async () => {
    const stats = await json<{
      installation: string;
      bots: Record<string, number>;
      servers: { name: string; reachable: boolean }[];
    }>(['stats'], elsewhere('viewer'));
    expect(stats).toMatchObject({ installation: servers.installation, bots: { failed: 1 } });
    expect(stats.servers.find(({ name }) => name === 'mongodb')).toMatchObject({ reachable: true });
    expect((await cli(['stats'], elsewhere('viewer'))).stdout).toMatch(
      /^installation +t-[^]*SERVER +STATE +VERSION/,
    );
    expect((await cli(['whoami'], elsewhere('viewer'))).stdout).toMatch(/^viewer-[0-9a-f]+ is viewer\n$/);
    expect((await cli(['queues'])).stdout).toMatch(/^QUEUE +WAITING[^]*\nstart +0/);
    expect(await cli(['queues', 'jobs', 'strat'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('Did you mean "start"?') as string,
    });
  });

  it('a failed job is seen, tried again and removed, by who may', async () => {
    const { bots } = await api.connections.queues();
    const queue = bots.byName.start;
    await queue.add('start', { botId: 'rebalance', cause: 'test' }, { jobId: 'j1', delay: 60_000 });
    expect((await cli(['queues', 'jobs', 'start', '--state', 'delayed'])).stdout).toMatch(
      /j1 +delayed +rebalance/,
    );
    const remove = ['queues', 'remove', 'start', 'j1', '--why', 'the test'];
    expect(await cli(remove, elsewhere('viewer'))).toMatchObject({ code: 5 });
    const retried = await cli(['queues', 'retry', 'start', 'j1', '--why', 'x']);
    expect([retried.code, retried.stdout]).toEqual([1, '']);
    expect(await cli(remove)).toMatchObject({ code: 0, stdout: 'j1 of start is removed\n' });
    expect(await cli(remove)).toMatchObject({ code: 3 });
  });

  it('a roll-out says which bots, is followed, and is stopped', async () => {
    const none = await cli(['rollouts', 'start', '--why', 'x']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--all means all bots')]);
    const begun = await json<{ bots: number; rollout: string }>([
      'rollouts',
      'start',
      '--text',
      'alerts',
      '--at-once',
      '2',
      '--why',
      'new image',
    ]);
    expect(begun.bots).toBe(2);
    const shown = await cli(['rollouts', 'show', begun.rollout], elsewhere('viewer'));
    expect(shown.stdout).toMatch(/restarted +0 of 2, 2 at a time/);
    expect((await cli(['rollouts'])).stdout).toContain('new image');
    expect(
      await cli(['rollouts', 'stop', begun.rollout, '--why', 'enough'], elsewhere('viewer')),
    ).toMatchObject({ code: 5 });
    expect(await json(['rollouts', 'stop', begun.rollout, '--why', 'enough'])).toMatchObject({
      changed: true,
    });
    expect((await cli(['rollouts', 'show', 'nobody'])).code).toBe(3);
  });

  it('schedules, their runs and states are steered', async () => {
    const { schedules } = api.connections.collections;
    await schedules.insertOne({
      ...botDocument('nightly', {
        filePath: 'me/bot/1.0.0',
        config: { type: 'scheduled/x', schedule: '0 3 * * *' },
      }),
    });
    expect(await json<unknown[]>(['schedules', '--text', 'night'])).toMatchObject([
      { id: 'nightly', schedule: '0 3 * * *' },
    ]);
    expect((await cli(['bots', 'show', 'nightly'])).stderr).toContain(
      'There is a schedule of that id: npx the0-runtime schedules show nightly',
    );
    const preview = [
      'schedules',
      'preview',
      '--cron',
      '0 3 * * *',
      '--zone',
      'Asia/Kolkata',
      '--count',
      '200',
    ];
    expect((await json<{ times: unknown[] }>(preview, elsewhere('viewer'))).times).toHaveLength(200);
    expect((await cli(['schedules', 'preview', '--cron', '61 * * * *'])).stderr).toContain(
      '--cron is "61 * * * *"',
    );
    expect(await cli(['schedules', 'pause', 'nightly', '--why', 'audit'], elsewhere('viewer'))).toMatchObject(
      { code: 5 },
    );
    expect(await json(['schedules', 'pause', 'nightly', '--why', 'audit'])).toMatchObject({
      changed: true,
      why: 'audit',
    });
    const asked = await json<{ run: { id: string; cause: string } }>([
      'run-now',
      'nightly',
      '--request',
      'r1',
      '--why',
      'month end',
    ]);
    expect(asked.run).toMatchObject({
      id: 'nightly@now-r1',
      cause: expect.stringMatching(/^run now by operator-.*: month end$/) as string,
    });
    expect((await cli(['run-now', 'nightly', '--request', 'r1'])).stdout).toContain('was asked for before');
    expect((await cli(['explain', 'nightly@now-r1'])).stdout).toMatch(/^waiting +The run is queued/);
    expect((await cli(['runs', 'show', 'nightly@now-r2'])).stderr).toContain(
      'Did you mean "nightly@now-r1"?',
    );
    expect((await cli(['runs', 'cancel', 'nightly@now-r1', '--why', 'no'])).stdout).toContain(
      'it had not started',
    );
    expect(
      (await cli(['backfill', 'nightly', '--from', '2026-01-02', '--to', '2026-01-01'])).stderr,
    ).toContain('--to: The span ends before');
    expect((await cli(['state', 'list', 'nightly'])).stdout).toMatch(/archive +none/);
    expect(await cli(['state', 'show', 'nightly', 'k'], elsewhere('viewer'))).toMatchObject({ code: 5 });
    expect(await cli(['state', 'show', 'nightly', 'k'])).toMatchObject({ code: 3 });
  });

  it('an admin makes and revokes tokens; nobody else does', async () => {
    const create = ['tokens', 'create', 'grafana', '--role', 'viewer'];
    expect(await cli(create, elsewhere('operator'))).toMatchObject({ code: 5, stdout: '' });
    const made = await cli(create, elsewhere('admin'));
    expect(made.stdout).toMatch(/^the0_/);
    const id = made.stdout.split('_')[1] ?? '';
    const revoke = ['tokens', 'revoke', id, '--why', 'it leaked'];
    expect((await cli(revoke, elsewhere('admin'))).stdout).toBe(`revoked grafana (${id})\n`);
    expect((await cli(revoke, elsewhere('admin'))).stdout).toContain('was revoked already');
    expect(await cli(['bots'], { ...elsewhere(), THE0_TOKEN: made.stdout.trim() })).toMatchObject({
      code: 5,
    });
  });

  it('shells are told the ids that there are', async () => {
    expect((await cli(['completion-ids', 'bot'], elsewhere('viewer'))).stdout.split('\n')).toContain(
      'price-alerts-1',
    );
  });
});

it('a process of its own ends by itself, over HTTP and gRPC', async () => {
  for (const way of ['HTTP', 'gRPC'] as const) {
    const { code, stdout } = await runCli(['bots', 'show', 'rebalance', '--json'], elsewhere('viewer', way));
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ id: 'rebalance' })]);
  }
});

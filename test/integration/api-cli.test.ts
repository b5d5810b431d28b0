import { MongoClient } from 'mongodb';
import { afterAll, describe, expect, it } from 'vitest';
import { collections } from '../../infra/mongo/collections.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const client = new MongoClient(servers.mongoUri);
const all = collections(client, servers.databases);
const local = { CONTROL_PORT: '0', GRPC_PORT: '0', CONTROL_HEALTH_PORT: '0', LOG_LEVEL: 'info' };
const cli = (...args: string[]) => runCli(args, servers.environment);

afterAll(() => client.close());

describe('tokens', () => {
  it('are made at a command line, shown alone on standard output, and kept nowhere', async () => {
    const made = await cli('tokens', 'create', 'grafana', '--role', 'viewer', '--expires', '90d');
    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(/^the0_[0-9a-z]{12}_[\w-]{43}\n$/);
    expect(made.stderr).toMatch(/^grafana \([0-9a-z]{12}\) is viewer until \d{4}-/);
    const listed = await cli('tokens', 'list', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject([{ name: 'grafana', role: 'viewer', state: 'usable' }]);
    const stored = JSON.stringify(await all.apiTokens.find({}).toArray());
    expect(stored + listed.stdout).not.toContain(made.stdout.trim().slice(-43));
    expect(await all.audit.findOne({ what: 'InstallationService/CreateToken' })).toMatchObject({
      role: 'admin',
      outcome: 'done',
      target: made.stdout.split('_')[1],
    });
  });

  it('are shown in a table, with when they end and were used', async () => {
    const { stdout } = await cli('tokens');
    expect(stdout).toMatch(
      /^ID +NAME +ROLE +STATE +EXPIRES +USED +CREATED\n\S+ +grafana +viewer +usable +in \S+ .*not yet/,
    );
  });

  it('of one name are not in use twice; the end of one is on record with its reason', async () => {
    const twice = await cli('tokens', 'create', 'grafana', '--role', 'admin');
    expect([twice.code, twice.stderr]).toEqual([
      6,
      expect.stringContaining('There is a token "grafana" already'),
    ]);
    const [token] = await all.apiTokens.find({}).toArray();
    const revoked = await cli('tokens', 'revoke', token?._id ?? '', '--why', 'it leaked');
    expect([revoked.code, revoked.stdout]).toEqual([0, `revoked grafana (${token?._id})\n`]);
    expect(await all.audit.findOne({ what: 'InstallationService/RevokeToken' })).toMatchObject({
      why: 'it leaked',
      target: token?._id,
      outcome: 'done',
    });
    expect((await cli('tokens', 'revoke', 'nobody', '--why', 'x')).code).toBe(3);
  });

  it.each([
    [['tokens', 'create', 'x'], 2, /--role/],
    [['tokens', 'create', 'x', '--role', 'king'], 2, /viewer, operator, admin/],
    [['tokens', 'create', 'x', '--role', 'viewer', '--expires', 'soon'], 2, /90d, 12h or 30m/],
    [['tokens', 'create', ' ', '--role', 'viewer'], 2, /is no name for a token/],
    [['tokens', 'revoke', 'x'], 2, /--why/],
  ])('%j is refused', async (args, code, message) => {
    const outcome = await cli(...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringMatching(message)]);
  });
});

describe('the controller', () => {
  const started = async (process: CliProcess): Promise<{ url: string; grpc: string }> => {
    const [line] = await process.says(/\{[^\n]*"the control API answers"[^\n]*/);
    return JSON.parse(line) as { url: string; grpc: string };
  };

  it('answers the API and shows the dashboard on one port, is listed while it lives, and ends in order', async () => {
    const token = (await cli('tokens', 'create', 'ann', '--role', 'admin')).stdout.trim();
    await using controller = new CliProcess(['controller'], {
      ...servers.environment,
      ...local,
      DASHBOARD_TOKEN: 'a-token-that-was-the-dashboards',
    });
    const [retired] = await controller.says(/\{[^\n]*"setting":"DASHBOARD_TOKEN"[^\n]*/);
    expect(retired).toContain('the0-runtime tokens create');
    const { url } = await started(controller);
    const whoAmI = await fetch(`${url}/the0.runtime.v1.InstallationService/WhoAmI`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: '{}',
    });
    expect(await whoAmI.json()).toMatchObject({ name: 'ann', role: 'ROLE_ADMIN' });
    const login = await fetch(`${url}/login`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      redirect: 'manual',
    });
    expect(login.headers.get('set-cookie')).toContain('HttpOnly');
    expect(controller.stdout).not.toContain('a-token-that-was-the-dashboards');
    await until(async () => (await all.processes.findOne({ service: 'controller' })) !== null);
    controller.child.kill('SIGTERM');
    expect((await controller.ended).code).toBe(0);
    expect(await all.processes.findOne({ service: 'controller' })).toBeNull();
  });

  it('does not start reachable from elsewhere while nobody could log in', async () => {
    const fresh = testServers();
    const outcome = await runCli(['controller'], { ...fresh.environment, ...local, CONTROL_HOST: '0.0.0.0' });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(
      /refuses to listen on CONTROL_HOST=0\.0\.0\.0.*the0-runtime tokens create NAME --role admin/,
    );
  });

  it('takes the older names of its address', async () => {
    await using controller = new CliProcess(['controller'], {
      ...servers.environment,
      ...local,
      CONTROL_PORT: '',
      DASHBOARD_PORT: '0',
      DASHBOARD_HOST: '127.0.0.2',
    });
    expect((await started(controller)).url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
  });

  it('says which of the two TLS settings is missing', async () => {
    const outcome = await runCli(['controller'], {
      ...servers.environment,
      CONTROL_TLS_CERT_FILE: '/nowhere',
    });
    expect([outcome.code, outcome.stderr]).toEqual([
      2,
      expect.stringContaining('CONTROL_TLS_CERT_FILE and CONTROL_TLS_KEY_FILE belong together'),
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { freePorts } from '../../infra/local/ports.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { testServers } from '../support/servers.ts';

/** Command lines as the earlier runtime took them, in their owners' unit files and charts. */
const servers = testServers();

it('query-server --port listens there, whatever the environment says', async () => {
  const [port] = await freePorts(1);
  const environment = { ...servers.environment, QUERY_SERVER_PORT: '1', QUERY_HEALTH_PORT: '0' };
  await using server = new CliProcess(['query-server', '--port', String(port)], environment);
  await server.says(/queries are taken/);
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
}, 60_000);

it('a port that is none is refused, by the name of its setting', async () => {
  const { code, stderr } = await runCli(['query-server', '--port', 'many'], servers.environment);
  expect(code).toBe(2);
  expect(stderr).toContain('QUERY_SERVER_PORT="many"');
});

describe('every flag of the earlier runtime', () => {
  /** Stops each command before it does anything, and after its flags were read. */
  const environment = { ...servers.environment, BOT_MEMORY_LIMIT_MB: 'many' };

  it.each([
    ['bot-runner', '--reconcile-interval', '30s'],
    ['bot-scheduler', '--check-interval', '10s'],
    ['controller', '--namespace', 'the0'],
    ['controller', '--reconcile-interval', '30s'],
    ['controller', '--minio-endpoint', 'minio:9000'],
    ['controller', '--minio-bucket', 'the0-custom-bots'],
    ['controller', '--runtime-image', 'runtime:latest'],
    ['controller', '--runtime-image-pull-policy', 'IfNotPresent'],
    ['query-server', '--port', '9477'],
    ['gc', '--interval', '5m'],
    ['gc', '--interval', '0'],
  ])('%s %s %s is read, and so are those of all commands', async (command, flag, value) => {
    const persistent = ['--mongo-uri', servers.mongoUri, '--nats-url', servers.natsUrl];
    const { code, stderr } = await runCli([...persistent, command, `${flag}=${value}`], environment);
    expect(stderr).toContain('BOT_MEMORY_LIMIT_MB="many"');
    expect(code).toBe(2);
    const after = await runCli([command, flag, value, ...persistent], environment);
    expect(after).toMatchObject({ code, stderr });
  });

  it.each([
    ['execute', '--query', '/status', '--skip-sync', '--skip-query-server'],
    ['execute', '--query-server-only'],
    ['daemon', 'init', '--bot-id', 'b', '--code-path', '/bot', '--state-path', '/state', '--code-file', 'x'],
    [
      'daemon',
      'sync',
      '--bot-id',
      'b',
      '--state-path',
      '/state',
      '--logs-path',
      '/logs',
      '--interval',
      '60s',
    ],
    ['daemon', 'sync', '--watch-done', '', '--readiness-port', '0'],
  ])('%s %s … does nothing, and says so', async (...args) => {
    const { code, stderr } = await runCli(args, servers.environment);
    expect(stderr).toContain('has no effect');
    expect(code).toBe(0);
  });

  it('is told of once in the log where it has no effect', async () => {
    const ports = { CONTROL_PORT: '0', CONTROL_HEALTH_PORT: '0' };
    const args = ['controller', '--namespace', 'the0', '--minio-bucket', 'the0-custom-bots'];
    await using controller = new CliProcess(args, { ...servers.environment, ...ports });
    await controller.says(/--minio-bucket.*a retired flag has no effect/);
    controller.child.kill('SIGTERM');
    const { stdout, stderr } = await controller.ended;
    expect((stdout + stderr).match(/a retired flag has no effect/g)).toHaveLength(2);
  });
});

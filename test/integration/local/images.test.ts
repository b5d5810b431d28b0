import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureImages } from '../../../infra/images/ensure.ts';
import { askEngineForText } from '../../../infra/local/engine-http.ts';
import { testEngine, testServers } from '../../support/servers.ts';

const engine = testEngine();
const { installation } = testServers();
const containers: string[] = [];

async function ask(
  method: 'GET' | 'POST',
  path: string,
  json?: unknown,
): Promise<{ status: number; body: string }> {
  const body =
    json === undefined
      ? {}
      : { body: Readable.from([JSON.stringify(json)]), headers: { 'Content-Type': 'application/json' } };
  return askEngineForText(engine, { method, path, timeoutMs: 60_000, ...body });
}

/** Runs a command as a bot would be: uid 1000, read-only root, no network. */
async function run(image: string, command: readonly string[]): Promise<{ code: number; output: string }> {
  const host = { NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'], Tmpfs: { '/tmp': '' } };
  const created = await ask('POST', '/containers/create', {
    Image: image,
    Cmd: command,
    User: '1000:1000',
    // Without a terminal the engine frames the output; with one it is plain text.
    Tty: true,
    Labels: { 'the0.installation': installation },
    HostConfig: host,
  });
  const { Id: id } = JSON.parse(created.body) as { Id: string };
  containers.push(id);
  await ask('POST', `/containers/${id}/start`);
  const { StatusCode: code } = JSON.parse((await ask('POST', `/containers/${id}/wait`)).body) as {
    StatusCode: number;
  };
  const { body } = await ask('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
  return { code, output: body.replaceAll('\r', '').trim() };
}

afterAll(async () => {
  const filters = encodeURIComponent(JSON.stringify({ label: [`the0.installation=${installation}`] }));
  await ask('POST', `/containers/prune?filters=${filters}`);
});

const quiet = { progress: () => {}, dockerHost: engine };

describe('the images of bots', () => {
  it('are there once the tests are set up, and then cost nothing', async () => {
    const begun = Date.now();
    const reports = await ensureImages({
      ...quiet,
      only: ['python3.11', 'nodejs20', 'cpp-gcc13', 'ghc96', 'scala3'],
    });
    expect(reports.map(({ outcome }) => outcome)).toEqual([
      'present',
      'present',
      'present',
      'present',
      'present',
    ]);
    expect(Date.now() - begun).toBeLessThan(2_000);
  });

  it('are reported as missing, with the reason, where they can neither be pulled nor built', async () => {
    const environment = { ...process.env, IMAGE_DOTNET: 'localhost:1/no/such:1' };
    const [report] = await ensureImages({ ...quiet, environment, only: ['dotnet8'] });
    expect(report).toMatchObject({ reference: 'localhost:1/no/such:1', outcome: 'missing' });
    expect(report?.reason).toMatch(/could not be pulled \(.+\), and it cannot be built from packages/);
  });

  it.each(['python:3.11-slim', 'node:20-slim', 'ubuntu:24.04', 'haskell:9.6-slim', 'eclipse-temurin:17-jre'])(
    '%s has a shell, core tools, a /tmp and certificates',
    async (image) => {
      const { code, output } = await run(image, [
        '/bin/sh',
        '-c',
        'id -u && echo ok > /tmp/x && cat /tmp/x && ls / | grep -c etc && sleep 0 && test -d /etc/ssl/certs',
      ]);
      expect({ code, output }).toEqual({ code: 0, output: '1000\nok\n1' });
    },
  );

  it.each([
    [
      'python:3.11-slim',
      ['python3', '-c', 'import ssl, sqlite3, ctypes, zoneinfo, sys; print(sys.version_info[:2])'],
      '(3, 11)',
    ],
    [
      'python:3.11-slim',
      [
        '/usr/local/bin/python',
        '-c',
        'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)',
      ],
      'True',
    ],
    ['node:20-slim', ['node', '-p', 'process.versions.node.split(".")[0]'], '20'],
    ['ubuntu:24.04', ['/bin/sh', '-c', 'ls /lib/*/libstdc++.so.6 | wc -l'], '1'],
  ])('%s runs %j', async (image, command, expected) => {
    await expect(run(image, command)).resolves.toEqual({ code: 0, output: expected });
  });

  it('eclipse-temurin:17-jre runs Java 17 with certificates that it can read', async () => {
    const { code, output } = await run('eclipse-temurin:17-jre', [
      'sh',
      '-c',
      'java -version && ls -L $JAVA_HOME/lib/security/cacerts',
    ]);
    expect(code).toBe(0);
    expect(output).toContain('version "17.');
  });
});

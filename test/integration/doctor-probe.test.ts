import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cisRows } from '../../cli/doctor/cis.ts';
import { ProbeContainers, sweepEarlierProbes } from '../../cli/doctor/probe/containers.ts';
import { findingsIn, type ProbeFacts } from '../../cli/doctor/probe/facts.ts';
import { probeRows } from '../../cli/doctor/probe/judge.ts';
import { neighbourConfig, probeConfig, type ProbePlan, type Target } from '../../cli/doctor/probe/plan.ts';
import type { Outcome, Row } from '../../cli/doctor/probe/row.ts';
import { digestsOf } from '../../cli/doctor/probe/secrets.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { testImage } from '../conformance/shell.ts';
import { text } from '../conformance/target.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { removeAll } from '../support/engine.ts';
import { probeInTheOpen } from '../support/open-container.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';

type Report = { code: number | null; status: Outcome; rows: Row[]; tookMs: number };

const servers = testServers();
const isRoot = process.getuid?.() === 0;
const canary = `canary-${randomBytes(8).toString('hex')}`;
const settings = loadSettings(servers.environment);
const log = createLogger({ level: 'silent', service: 'test' });
const signal = new AbortController().signal;
let engine: Engine;
let image: string;

/** Of secrets that a bot must not see; the servers themselves are not asked. */
const secrets = {
  REDIS_URL: `redis://:${canary}@127.0.0.1:6379`,
  QUERY_TOKEN: `${canary}-query`,
};

beforeAll(async () => {
  engine = createDockerEngine({ installation: servers.installation, dockerHost: testEngine(), log });
  image = await testImage(engine);
});
afterAll(async () => {
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
});

async function probe(): Promise<Report> {
  const { code, stdout, stderr } = await runCli(['doctor', '--probe', '--json'], {
    ...servers.environment,
    ...secrets,
  });
  if (stdout === '') throw new Error(stderr);
  expect(stdout + stderr).not.toContain(canary);
  return { code, ...(JSON.parse(stdout) as Omit<Report, 'code'>) };
}

const named = (rows: readonly Row[], name: string): Row | undefined => rows.find((row) => row.name === name);
const names = (rows: readonly Row[], outcome: Outcome): string[] =>
  rows.filter((row) => row.outcome === outcome).map(({ name }) => name);

/** What the probe left on the engine, the network apart, which is the installation's. */
const leftOvers = async (): Promise<string[]> => [
  ...(await engine.list()).map(({ name }) => name),
  ...(await engine.listVolumes()).map(({ name }) => name),
];

describe.runIf(isRoot)('doctor --probe on the real engine', () => {
  it('finds this host open without the filter, and everything held with it; leaves nothing behind', async () => {
    const unfiltered = await probe();
    expect(named(unfiltered.rows, 'this host')).toMatchObject({ outcome: 'open' });
    expect(named(unfiltered.rows, 'egress filter')).toMatchObject({ outcome: 'missing' });
    expect(named(unfiltered.rows, 'this host')?.cure).toMatch(/network setup/);
    expect(unfiltered.code).toBe(1);
    expect(await leftOvers()).toEqual([]);

    expect(await runCli(['network', 'setup'], servers.environment)).toMatchObject({ code: 0 });
    const filtered = await probe();
    expect(names(filtered.rows, 'open')).toEqual([]);
    expect(names(filtered.rows, 'unknown')).toEqual([]);
    expect(filtered.code).toBe(0);
    expect(named(filtered.rows, 'egress filter')).toMatchObject({ outcome: 'held' });
    expect(named(filtered.rows, 'this host')?.detail).toMatch(/^no answer from \d/);
    expect(named(filtered.rows, 'what it can read')?.detail).toMatch(/none of \d+ in its environment/);
    for (const name of ['MongoDB', 'Redis', 'NATS', 'S3'])
      expect(named(filtered.rows, name)?.outcome).toBe('held');
    for (const row of filtered.rows) if (row.outcome === 'missing') expect(row.cure, row.name).toBeTruthy();
    for (const { tookMs } of [unfiltered, filtered]) expect(tookMs).toBeLessThan(50_000);
    expect(await leftOvers()).toEqual([]);
  }, 120_000);

  it('interrupted while its bots run, removes them and says so', async () => {
    await using command = new CliProcess(['doctor', '--probe'], servers.environment);
    await until(async () => (await engine.list()).some(({ state }) => state === 'running'), {
      timeoutMs: 30_000,
    });
    command.child.kill('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/interrupted; what it made is removed/);
    expect(await leftOvers()).toEqual([]);
  });

  it('removes what an earlier one left that was killed, and nothing of one that runs', async () => {
    await engine.ensureNetwork();
    const killed = new ProbeContainers({ engine, settings, image, log });
    const { id } = await killed.start(neighbourConfig(7000, 60), signal);
    await sweepEarlierProbes(engine);
    expect((await engine.inspect(id))?.state).toBe('running');
    await sweepEarlierProbes(engine, () => Date.now() + 10 * 60_000);
    expect(await engine.list()).toEqual([]);
    // Its code is swept as all code is.
    expect((await leftOvers()).every((name) => name.includes('_code_'))).toBe(true);
    expect(await killed.remove()).toEqual([]);
    expect(await leftOvers()).toEqual([]);
  });

  it('runs in a container in which section 5 of the CIS benchmark finds nothing but what is meant so', async () => {
    await engine.ensureNetwork();
    await using bots = new ProbeContainers({ engine, settings, image, log });
    const { id } = await bots.start(neighbourConfig(7000, 60), signal);
    const confinement = await engine.confinement(id);
    if (confinement === undefined) throw new Error('it is gone');
    const { apparmor } = await engine.capabilities();
    const { selinux, clustered } = await engine.hostFacts();
    const rows = cisRows({ containers: [confinement], host: { apparmor, selinux, clustered } });
    expect(rows.filter(({ status }) => status === 'fail').map((row) => row.id)).toEqual(['5.27']);
    const { stdout } = await runCli(['doctor', '--json'], servers.environment);
    const report = JSON.parse(stdout) as { cis: { id: string; status: string }[] };
    expect(report.cis.map((row) => row.status)).toEqual(rows.map((row) => row.status));
  });
});

/** Else everything that holds might hold because the probe does not see. */
describe('the probe in a container that little holds', () => {
  it('notices each thing that is open', async () => {
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).end());
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as AddressInfo;
    const gateway = networkInterfaces()['docker0']?.[0]?.address ?? '172.17.0.1';
    const target = (name: Target['name'], host: string): Target => {
      return { name, host, port, what: `${name} at ${host}:${port}` };
    };
    const plan: ProbePlan = {
      targets: [target('MongoDB', gateway), target('this host', gateway)],
      memoryMb: 32,
      pids: 8,
      processes: 24,
      fileMb: 0,
      stateMb: 1,
      tmpfs: { '/tmp': 1 },
      secrets: 1,
    };
    const salt = randomBytes(16);
    const secret = { name: 'S3_SECRET_KEY', value: canary } as const;
    const config = probeConfig(plan, { salt, secrets: digestsOf([secret], salt), seconds: 60 });
    const container = await probeInTheOpen({
      dockerHost: testEngine(),
      installation: servers.installation,
      image,
      config,
      env: { SOME_KEY: `prefix-${canary}-suffix` },
    });
    try {
      await engine.start(container);
      await engine.wait(container);
      const output = await text(engine.logs(container, {}));
      const confinement = await engine.confinement(container);
      if (confinement === undefined) throw new Error('it is gone');
      const facts: ProbeFacts = {
        plan,
        filter: { inForce: false, reason: 'there is none' },
        capabilities: await engine.capabilities(),
        host: await engine.hostFacts(),
        findings: findingsIn(output),
        neighbour: [],
        confinement,
        oomKilled: false,
        exitCode: 0,
        leaks: [],
        slowestAnswerMs: 1,
        tookMs: 1,
      };
      expect(output).not.toContain(canary);
      const rows = probeRows(facts, settings);
      const open = names(rows, 'open');
      expect(open, output).toEqual([
        'MongoDB',
        'this host',
        'system folders',
        'its own code',
        'its launcher',
        'kernel settings',
        'devices',
        'processes',
        'memory',
        'disk: /tmp',
        'disk: result.json',
        'what it can read',
        'user',
        'capabilities',
        'new privileges',
        'system calls',
        'another user',
        'mounts',
        'namespaces',
        'raw sockets',
        'the host’s name',
        'kernel interfaces',
      ]);
      const { clustered, selinux } = facts.host;
      const { apparmor } = facts.capabilities;
      const failed = cisRows({ containers: [confinement], host: { apparmor, selinux, clustered } })
        .filter(({ status }) => status === 'fail')
        .map(({ id }) => id);
      expect(failed).toEqual(
        expect.arrayContaining(['5.4', '5.11', '5.12', '5.13', '5.22', '5.26', '5.29', '5.30']),
      );
    } finally {
      await engine.remove(container, { force: true });
      await new Promise((resolve) => server.close(resolve));
    }
  }, 60_000);
});

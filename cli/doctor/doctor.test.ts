import { describe, expect, it } from 'vitest';
import { loadSettings, SettingsError } from '../../infra/config/load.ts';
import { EngineUnavailable } from '../../infra/engine/errors.ts';
import type { EngineCapabilities } from '../../infra/engine/port.ts';
import { ReplicaSetNotInitiated } from '../../infra/mongo/connect.ts';
import { NatsUrlInvalid } from '../../infra/nats/connect.ts';
import { S3Denied, S3Unavailable } from '../../infra/s3/errors.ts';
import { capabilityChecks } from './capabilities.ts';
import { away, bad, exitCodeOf, inGroup, ok, warn, worstOf, type Check } from './check.ts';
import type { CisRow } from './cis.ts';
import { egressCheck, type EgressFacts } from './egress.ts';
import { engineCheck, engineIdCheck, imageChecks, type EngineFacts } from './engine.ts';
import { contradictionChecks, nodeCheck, settingsChecks, settingsFailures } from './host.ts';
import { mongoCheck } from './mongo.ts';
import { natsChecks } from './nats.ts';
import { NoAnswer, probe, reasonOf } from './probed.ts';
import { readInfo, redisChecks, type RedisFacts } from './redis.ts';
import { s3Check, s3ConditionsChecks } from './s3.ts';
import { doctorTable } from './table.ts';

const statuses = (checks: readonly Check[]) =>
  Object.fromEntries(checks.map(({ name, status }) => [name, status]));

describe('the exit code', () => {
  it('is 0 with warnings, 1 when something is bad, 4 when a server is away, whatever else is bad', () => {
    expect(exitCodeOf([])).toBe(0);
    expect(exitCodeOf([ok('a', ''), warn('b', '', '')])).toBe(0);
    expect(exitCodeOf([ok('a', ''), bad('b', '', '')])).toBe(1);
    expect(exitCodeOf([bad('b', '', ''), away('c', '', '')])).toBe(4);
  });

  it('follows the worst status', () => {
    expect(worstOf([ok('a', ''), bad('b', '', ''), warn('c', '', '')])).toBe('bad');
    expect(worstOf([ok('a', ''), warn('c', '', '')])).toBe('warn');
    expect(worstOf([])).toBe('ok');
  });
});

describe('probe', () => {
  it('gives up on what hangs, tells it so, and never rejects', async () => {
    let told: unknown;
    const hung = await probe((signal) => {
      signal.addEventListener('abort', () => {
        told = signal.reason;
      });
      return new Promise(() => undefined);
    }, 20);
    expect(hung).toEqual({ error: expect.any(NoAnswer) as unknown });
    expect(told).toBeInstanceOf(NoAnswer);
    expect(
      await probe(() => {
        throw new Error('at once');
      }),
    ).toMatchObject({ error: { message: 'at once' } });
    expect(await probe(() => Promise.resolve(7))).toEqual({ found: 7 });
  });

  it('finds words for errors that have none', () => {
    expect(reasonOf(Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }))).toBe(
      'ECONNREFUSED',
    );
    expect(reasonOf(new Error('first\nsecond'))).toBe('first');
    expect(reasonOf('text')).toBe('text');
  });
});

describe('the table', () => {
  it('aligns, puts the cure below, counts, and lets no control character through', () => {
    const checks = [ok('node', '24.0.0'), bad('settings', 'A=\u001b[2J', 'correct A')];
    expect(doctorTable(checks, [], false)).toBe(
      [
        'ok    node      24.0.0',
        'bad   settings  A=·[2J',
        '                → correct A',
        '',
        '1 of 2 checks is bad, 0 could be better.',
      ].join('\n'),
    );
    expect(doctorTable(checks, [], true)).toContain('\u001b[31mbad');
    expect(doctorTable([ok('a', 'b')], [], false)).toMatch(/All 1 checks are ok/);
    expect(doctorTable([warn('a', 'b', 'c')], [], false)).toMatch(/Nothing is bad; 1 of 1/);
  });

  it('has a heading for each group, and the section of CIS before the sum', () => {
    const row = {
      id: '5.5',
      title: 'not privileged',
      status: 'pass',
      passed: 2,
      failed: [],
      byDesign: false,
    };
    const checks = [
      ...inGroup('This machine', [ok('a', 'x'), ok('b', 'y')]),
      ...inGroup('Engine', [ok('c', 'z')]),
    ];
    expect(doctorTable(checks, [row] as CisRow[], false)).toBe(
      [
        'This machine',
        'ok    a  x',
        'ok    b  y',
        '',
        'Engine',
        'ok    c  z',
        '',
        'CIS Docker Benchmark, section 5, over the containers of this installation',
        'pass  5.5   not privileged',
        '',
        'All 3 checks are ok.',
      ].join('\n'),
    );
  });
});

describe('node and settings', () => {
  it('wants the Node that strips types', () => {
    expect(nodeCheck('24.0.0')).toMatchObject({ status: 'ok' });
    expect(nodeCheck('22.9.1')).toMatchObject({ status: 'bad' });
  });

  it('names what is set and has no effect any more', () => {
    const checks = settingsChecks({ DOCKER_NETWORK: 'x' }, 'as the environment says', 'the0');
    expect(checks.map((check) => check.status)).toEqual(['ok', 'warn']);
    expect(checks[1]).toMatchObject({ detail: 'DOCKER_NETWORK is set and has no effect' });
    expect(checks[1]?.cure).toMatch(/EGRESS_ALLOW/);
  });

  it('warns of settings that contradict each other, and names them', () => {
    const [check] = contradictionChecks([
      { names: ['STOP_GRACE', 'DRAIN_DEADLINE'], problem: 'cut off', cure: 'x' },
    ]);
    expect(check).toEqual({
      name: 'settings',
      status: 'warn',
      detail: 'STOP_GRACE, DRAIN_DEADLINE: cut off',
      cure: 'x',
    });
  });

  it('has one line for each setting that cannot be used', () => {
    expect(settingsFailures(new SettingsError(['A=1: no', 'B=2: no']))).toMatchObject([
      { status: 'bad', detail: 'A=1: no' },
      { status: 'bad', detail: 'B=2: no' },
    ]);
  });
});

describe('servers', () => {
  const mongo = { version: '8.0.4', where: 'a:1', kind: 'replicaSet', storedEngineId: undefined } as const;

  it('MongoDB: a standalone server is degraded, one that is away unreachable, one without a set neither', () => {
    expect(mongoCheck({ found: mongo })).toMatchObject({ status: 'ok' });
    expect(mongoCheck({ found: { ...mongo, kind: 'standalone' } })).toMatchObject({ status: 'warn' });
    expect(mongoCheck({ found: { ...mongo, version: '4.0.28' } })).toMatchObject({ status: 'bad' });
    expect(mongoCheck({ error: new NoAnswer(3000) })).toMatchObject({ status: 'bad', unreachable: true });
    const ghost = mongoCheck({ error: new ReplicaSetNotInitiated() });
    expect(ghost).toMatchObject({ status: 'bad', cure: 'run rs.initiate() once' });
    expect(ghost).not.toHaveProperty('unreachable');
  });

  it('NATS: unset is allowed, no JetStream is not, no stream yet is', () => {
    const nats = { version: '2.15.0', where: 'a:1', jetStreamProblem: undefined, events: 3 };
    expect(statuses(natsChecks(undefined))).toEqual({ nats: 'warn' });
    expect(statuses(natsChecks({ found: nats }))).toEqual({ nats: 'ok', stream: 'ok' });
    expect(statuses(natsChecks({ found: { ...nats, events: undefined } }))).toEqual({
      nats: 'ok',
      stream: 'warn',
    });
    expect(natsChecks({ found: { ...nats, jetStreamProblem: 'off' } })).toMatchObject([{ status: 'bad' }]);
    expect(natsChecks({ found: { ...nats, version: '2.8.4' } })).toMatchObject([{ status: 'bad' }]);
    expect(natsChecks({ error: new NatsUrlInvalid() })[0]).not.toHaveProperty('unreachable');
    expect(natsChecks({ error: new Error('refused') })).toMatchObject([{ unreachable: true }]);
  });

  const info =
    '# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nhz:500\r\nconfigured_hz:500\r\n' +
    '# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n';

  it('Redis: reads INFO of either product', () => {
    expect(readInfo(info, 'a:1')).toEqual({
      product: 'Valkey',
      version: '8.1.1',
      where: 'a:1',
      role: 'master',
      maxmemoryPolicy: 'noeviction',
      maxmemoryBytes: 0,
      hz: 500,
    } satisfies RedisFacts);
    expect(readInfo('redis_version:6.0.16\n', 'a:1')).toMatchObject({ product: 'Redis', version: '6.0.16' });
  });

  it('Redis: eviction is bad once there is a limit, a low hz and an old version could be better', () => {
    const good = readInfo(info, 'a:1');
    const judge = (facts: Partial<RedisFacts>) => statuses(redisChecks({ found: { ...good, ...facts } }));
    expect(judge({})).toEqual({ redis: 'ok', 'redis eviction': 'ok', 'redis hz': 'ok' });
    expect(judge({ maxmemoryPolicy: 'allkeys-lru' })).toMatchObject({ 'redis eviction': 'warn' });
    expect(judge({ maxmemoryPolicy: 'allkeys-lru', maxmemoryBytes: 1 })).toMatchObject({
      'redis eviction': 'bad',
    });
    expect(judge({ hz: 10 })).toMatchObject({ 'redis hz': 'warn' });
    expect(judge({ role: 'slave' })).toMatchObject({ redis: 'bad' });
    expect(judge({ product: 'Redis', version: '6.0.16' })).toMatchObject({ redis: 'warn' });
    expect(judge({ product: 'Redis', version: '4.0.0' })).toMatchObject({ redis: 'bad' });
    expect(judge({ product: 'Redis', version: '10.0.0' })).toMatchObject({ redis: 'ok' });
  });

  it('Redis: one that refuses the login is there', () => {
    const refused = Object.assign(new Error('WRONGPASS invalid'), { name: 'ReplyError' });
    expect(redisChecks({ error: refused })[0]).not.toHaveProperty('unreachable');
    expect(redisChecks({ error: new Error('connect ECONNREFUSED') })[0]).toMatchObject({ unreachable: true });
  });

  it('S3: without the bucket no code can be had; refused is not away', () => {
    const s3 = { where: 'a:1', bucket: 'b' };
    expect(s3Check({ found: { ...s3, bucketExists: true } })).toMatchObject({ status: 'ok' });
    expect(s3Check({ found: { ...s3, bucketExists: false } })).toMatchObject({ status: 'bad' });
    const honoured = { create: true, replace: true, complete: true };
    const conditions = (found: typeof honoured | undefined) =>
      s3ConditionsChecks({
        found: { ...s3, bucketExists: true, ...(found === undefined ? {} : { conditions: found }) },
      });
    expect(conditions(honoured)).toMatchObject([{ status: 'ok' }]);
    expect(conditions(undefined)).toEqual([]);
    const [partly] = conditions({ ...honoured, complete: false });
    expect(partly).toMatchObject({ status: 'warn' });
    expect(partly?.detail).toMatch(/passes over If-Match on the end of an upload in parts: a lease/);
    expect(s3Check({ error: new S3Denied('x', 'AccessDenied') })).not.toHaveProperty('unreachable');
    expect(s3Check({ error: new S3Unavailable('x') })).toMatchObject({ unreachable: true });
  });
});

const host: EngineCapabilities = {
  cpus: 2,
  cgroupVersion: 1,
  apparmor: false,
  seccomp: true,
  blockIoWeight: false,
  blockIoRates: true,
  ociRuntimes: ['runc'],
};

describe('the engine', () => {
  const facts: EngineFacts = {
    where: '/run/x.sock',
    identity: { id: 'A', product: 'docker', version: '20.10' },
    capabilities: host,
  };

  it('gives its own cure when it cannot be reached', () => {
    const error = new EngineUnavailable(
      'The container engine at /x cannot be reached (ask: EACCES): this user may not open it: add the user to the group',
    );
    expect(engineCheck({ error })).toEqual({
      name: 'engine',
      status: 'bad',
      unreachable: true,
      detail: 'The container engine at /x cannot be reached (ask: EACCES)',
      cure: 'this user may not open it: add the user to the group',
    });
    expect(engineCheck({ found: facts })).toMatchObject({ status: 'ok' });
    const old = { ...facts, identity: { ...facts.identity, version: '19.03.15' } };
    expect(engineCheck({ found: old })).toMatchObject({ status: 'bad' });
  });

  it('is bound to the installation at first use, and any other is refused', () => {
    expect(engineIdCheck('t', facts, { id: undefined })).toMatchObject({ status: 'ok' });
    expect(engineIdCheck('t', facts, { id: 'A' })).toMatchObject({ status: 'ok' });
    const other = engineIdCheck('t', facts, { id: 'B' });
    expect(other).toMatchObject({ status: 'bad' });
    expect(other.detail).toMatch(/belongs to the engine B, but this is A/);
    expect(engineIdCheck('t', facts, undefined)).toMatchObject({ status: 'warn' });
    expect(engineIdCheck('t', undefined, { id: 'A' })).toMatchObject({ status: 'warn' });
  });

  it('lacks an image: the first bot waits for it, no more', () => {
    const image = { reference: 'x:1', runtimes: ['python3.11'] };
    expect(imageChecks({ found: [{ ...image, present: true }] })).toMatchObject([{ status: 'ok' }]);
    expect(imageChecks({ found: [{ ...image, present: false }] })).toMatchObject([{ status: 'warn' }]);
  });
});

describe('what the host enforces', () => {
  const judge = (environment: Record<string, string>, other: Partial<EngineCapabilities> = {}) =>
    statuses(capabilityChecks({ ...host, ...other }, loadSettings(environment)));

  it('says what is missing, and holds it against the host only where it was asked for', () => {
    expect(judge({})).toEqual({
      cgroups: 'warn',
      seccomp: 'ok',
      AppArmor: 'warn',
      'block-I/O weight': 'ok',
      'block-I/O rates': 'ok',
      'OCI runtimes': 'ok',
      cores: 'ok',
    });
    expect(judge({ BOT_BLKIO_WEIGHT: '500' })).toMatchObject({ 'block-I/O weight': 'warn' });
    expect(judge({ BOT_BLKIO_READ_MB: '5' })).toMatchObject({ 'block-I/O rates': 'warn' });
    expect(judge({ BOT_BLKIO_READ_MB: '5', BOT_BLKIO_DEVICE: '/dev/sda' })).toMatchObject({
      'block-I/O rates': 'ok',
    });
    expect(judge({ BOT_CPU_LIMIT: '4' })).toMatchObject({ cores: 'warn' });
  });

  it('is bad where a guard that the operator counts on is not there', () => {
    expect(judge({ BOT_APPARMOR_PROFILE: 'bots' })).toMatchObject({ AppArmor: 'bad' });
    expect(judge({ BOT_OCI_RUNTIME: 'runsc' })).toMatchObject({ 'OCI runtimes': 'bad' });
    expect(judge({}, { seccomp: false })).toMatchObject({ seccomp: 'bad' });
    expect(judge({ BOT_OCI_RUNTIME: 'runc' }, { apparmor: true, cgroupVersion: 2 })).toMatchObject({
      AppArmor: 'ok',
      cgroups: 'ok',
      'OCI runtimes': 'ok',
    });
  });
});

describe('the egress filter', () => {
  const facts: EgressFacts = {
    state: { filtered: false, reason: 'the chain X is not there' },
    bridge: 'the0-1',
    bridgeHere: true,
    isRoot: true,
    runningBots: 1,
  };
  const judge = (changed: Partial<EgressFacts>, environment: Record<string, string> = {}) =>
    egressCheck({ found: { ...facts, ...changed } }, loadSettings(environment)).status;

  it('is bad where bots run without it, here, and nobody said that they may', () => {
    expect(judge({})).toBe('bad');
    expect(judge({}, { ALLOW_UNFILTERED_EGRESS: '1' })).toBe('warn');
    expect(judge({ bridgeHere: false })).toBe('warn');
    expect(judge({ runningBots: 0 })).toBe('warn');
    expect(judge({ state: { filtered: true } })).toBe('ok');
  });

  it('is not judged where it cannot be seen', () => {
    expect(judge({ isRoot: false })).toBe('warn');
    expect(judge({}, { EGRESS_FILTER: 'off' })).toBe('ok');
    expect(egressCheck({ error: new NoAnswer(3000) }, loadSettings({})).status).toBe('warn');
  });
});

import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../infra/config/load.ts';
import type { Finding, ProbeFacts } from './facts.ts';
import { probeExitCode, probeRows } from './judge.ts';
import { WRITES } from './plan.ts';
import type { Outcome, Row } from './row.ts';
import { probeTable } from './table.ts';

const settings = loadSettings({});
const found = (probe: string, what: string, result: string, detail = ''): Finding => ({
  probe,
  what,
  result,
  detail,
});
const GATEWAY = '172.18.0.1';
const targets = (
  [
    ['MongoDB', GATEWAY, 27_017],
    ['the metadata address', '169.254.169.254', 80],
    ['this host', GATEWAY, 4000],
    ['another bot', '172.18.0.2', 7411],
  ] as const
).map(([name, host, port]) => ({ name, host, port, what: `${name} at ${host}:${port}` }));

/** As everything is where all holds, and the host has all there is. */
const all: ProbeFacts = {
  plan: {
    targets,
    memoryMb: 256,
    pids: 256,
    processes: 288,
    fileMb: 4096,
    stateMb: 8192,
    tmpfs: { '/tmp': 64 },
    secrets: 2,
  },
  filter: { inForce: true, reason: 'in force on the0-1' },
  capabilities: {
    cpus: 2,
    cgroupVersion: 2,
    apparmor: true,
    seccomp: true,
    blockIoWeight: true,
    blockIoRates: true,
    ociRuntimes: ['runc', 'runsc'],
  },
  host: {
    kernel: '6',
    memoryBytes: 1,
    storageDriver: 'overlay2',
    limitsVolumes: true,
    selinux: false,
    userNamespaces: true,
    rootless: false,
    clustered: false,
  },
  findings: [
    ...targets.map(({ what }) => found('reach', what, 'silent', 'TimeoutError')),
    found('socket', '/var/run/docker.sock', 'absent'),
    ...Object.values(WRITES).flatMap((paths) =>
      paths.map((path) => found('write', path, 'refused', 'EROFS')),
    ),
    found('exhaust', 'processes', 'stopped', '254 EAGAIN'),
    found('exhaust', 'memory', 'killed', '236'),
    found('fill', '/tmp', 'full', '64'),
    found('room', '/state', '8000'),
    found('grow', '/the0/run/result.json', 'stopped', 'EFBIG'),
    found('secrets', '', 'looked', 'its environment'),
    found('status', 'Uid', '1000 1000 1000 1000'),
    ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => found('status', set, '0000000000')),
    found('status', 'NoNewPrivs', '1'),
    found('status', 'Seccomp', '2'),
    found('set-uid', '/usr/bin/su', 'refused', 'runs as 1000'),
    found('ptrace', '', 'absent', 'no process of anybody else is in sight'),
    ...['user', 'mount', 'namespace', 'raw socket', 'host', 'kernel'].map((probe) =>
      found(probe, 'it', 'refused', 'EPERM'),
    ),
    found('end', '', 'done'),
  ],
  neighbour: [found('neighbour', '172.18.0.2', 'listens')],
  confinement: {
    name: 'x',
    user: '1000:1000',
    privileged: false,
    readOnlyRoot: true,
    capabilitiesAdded: [],
    capabilitiesDropped: ['ALL'],
    noNewPrivileges: true,
    seccomp: 'default',
    apparmor: 'docker-default',
    sharesWithHost: [],
    memoryBytes: 1,
    memoryAndSwapBytes: 1,
    cpuShares: 1,
    pids: 1,
    ulimits: [],
    mounts: [],
    devices: [],
    ports: [],
    restart: 'no',
    healthCheck: false,
    networks: [],
    defaultNetwork: false,
  },
  oomKilled: true,
  exitCode: 0,
  leaks: [],
  slowestAnswerMs: 20,
  tookMs: 5_000,
};

const rows = (changed: Partial<ProbeFacts> = {}): Row[] => probeRows({ ...all, ...changed }, settings);
const not = (outcome: Outcome, from: Row[]): string[] =>
  from.filter((row) => row.outcome !== outcome).map(({ name, outcome: is }) => `${name}: ${is}`);
/** With one finding replaced, by its probe and subject. */
const withFinding = (finding: Finding): ProbeFacts['findings'] => [
  ...all.findings.filter(({ probe, what }) => probe !== finding.probe || what !== finding.what),
  finding,
];
const changedBy = (finding: Finding) => not('held', rows({ findings: withFinding(finding) }));
const without = (probe: string) =>
  not('held', rows({ findings: all.findings.filter((finding) => finding.probe !== probe) }));

describe('what a probe found', () => {
  it('is all held where nothing gave way and the host has everything', () => {
    expect(not('held', rows())).toEqual([]);
    expect(probeExitCode(rows())).toBe(0);
  });

  it.each<[Finding, string]>([
    [found('reach', `MongoDB at ${GATEWAY}:27017`, 'connected'), 'MongoDB'],
    [found('reach', 'the metadata address at 169.254.169.254:80', 'connected'), 'metadata address'],
    [found('reach', 'the metadata address at 169.254.169.254:80', 'refused'), 'metadata address'],
    [found('reach', `this host at ${GATEWAY}:4000`, 'refused'), 'this host'],
    [found('reach', 'another bot at 172.18.0.2:7411', 'refused'), 'another bot'],
    [found('socket', '/var/run/docker.sock', 'refused'), 'engine socket'],
    [found('write', '/etc', 'written'), 'system folders'],
    [found('write', '/the0/code', 'written'), 'its own code'],
    [found('write', '/the0/run/launch.py', 'written'), 'its launcher'],
    [found('write', '/proc/sysrq-trigger', 'written'), 'kernel settings'],
    [found('write', '/dev/sda', 'written'), 'devices'],
    [found('exhaust', 'processes', 'unbounded', '288'), 'processes'],
    [found('exhaust', 'memory', 'unbounded', '320'), 'memory'],
    [found('fill', '/tmp', 'unbounded', '128'), 'disk: /tmp'],
    [found('grow', '/the0/run/result.json', 'unbounded'), 'disk: result.json'],
    [found('secrets', '/etc/hosts', 'found', 'S3_SECRET_KEY'), 'what it can read'],
    [found('status', 'Uid', '0 0 0 0'), 'user'],
    [found('status', 'CapBnd', '00000000a80425fb'), 'capabilities'],
    [found('status', 'NoNewPrivs', '0'), 'new privileges'],
    [found('status', 'Seccomp', '0'), 'system calls'],
    [found('set-uid', '/usr/bin/su', 'gained', 'runs as 0'), 'set-uid programs'],
    [found('ptrace', 'process 1', 'gained'), 'ptrace'],
    [found('user', 'setuid 0', 'gained'), 'another user'],
    [found('mount', 'mount', 'gained'), 'mounts'],
    [found('namespace', 'a user namespace', 'gained'), 'namespaces'],
    [found('raw socket', 'frames', 'gained'), 'raw sockets'],
    [found('host', 'the host’s name', 'gained'), 'the host’s name'],
    [found('kernel', 'bpf', 'gained', 'EINVAL'), 'kernel interfaces'],
  ])('is open for %o', (finding, name) => {
    expect(changedBy(finding)).toEqual([`${name}: open`]);
    expect(probeExitCode(rows({ findings: withFinding(finding) }))).toBe(1);
  });

  it('is open where the other bot heard something, whatever the one that called says', () => {
    const neighbour = [...all.neighbour, found('neighbour', '172.18.0.3', 'called')];
    expect(not('held', rows({ neighbour }))).toEqual(['another bot: open']);
  });

  it('holds where a server refuses, since it listens elsewhere only', () => {
    expect(changedBy(found('reach', `MongoDB at ${GATEWAY}:27017`, 'refused'))).toEqual([]);
  });

  it('tells a secret by name where it leaked, and that there was none to look for', () => {
    const leaks = [{ name: 'MONGO_URI', where: 'its labels' } as const];
    const [leaked] = rows({ leaks }).filter(({ outcome }) => outcome === 'open');
    expect(leaked).toMatchObject({ name: 'its labels and output', detail: 'MONGO_URI in its labels' });
    const none = rows({ plan: { ...all.plan, secrets: 0 } }).filter(
      ({ group }) => group === 'Reading secrets',
    );
    expect(none.map(({ detail }) => detail)).toEqual(
      Array(2).fill('the settings hold no secret to look for'),
    );
  });

  it('is unknown, and no success, where something was not tried', () => {
    expect(without('exhaust')).toEqual(['processes: unknown']);
    expect(without('mount')).toEqual(['mounts: unknown']);
    expect(without('secrets')).toEqual(['what it can read: unknown']);
    expect(not('held', rows({ findings: [], oomKilled: false })).every((row) => /unknown$/.test(row))).toBe(
      true,
    );
    expect(probeExitCode(rows({ findings: all.findings.slice(0, 3) }))).toBe(1);
  });

  it('counts the end of the whole container for want of memory as held: it is tried last', () => {
    const findings = all.findings.filter(({ what }) => what !== 'memory');
    expect(not('held', rows({ findings }))).toEqual([]);
    expect(not('held', rows({ findings, oomKilled: false }))).toEqual(['memory: unknown']);
  });

  it('asks for no more processes than it can start, and says so', () => {
    const findings = withFinding(found('exhaust', 'processes', 'unbounded', '600'));
    const plan = { ...all.plan, pids: 30_000, processes: 600 };
    expect(not('held', rows({ findings, plan }))).toEqual([]);
  });

  it('names what the host lacks, which fails nobody', () => {
    const poor = rows({
      capabilities: { ...all.capabilities, cgroupVersion: 1, apparmor: false, ociRuntimes: ['runc'] },
      host: { ...all.host, userNamespaces: false, limitsVolumes: false },
      confinement: (({ apparmor: _none, ...rest }) => rest)(all.confinement),
      filter: { inForce: false, reason: 'no such chain' },
      findings: withFinding(found('room', '/state', '250000')),
    });
    expect(not('held', poor)).toEqual([
      'disk: state: missing',
      'egress filter: missing',
      'control groups: missing',
      'AppArmor: missing',
      'a kernel of its own: missing',
      'user namespaces: missing',
      'storage quota: missing',
    ]);
    expect(probeExitCode(poor)).toBe(0);
    for (const { outcome, cure } of poor) expect(cure === undefined).toBe(outcome === 'held');
  });

  it('does not call good what held by chance', () => {
    const filter = { inForce: false, reason: 'no such chain' };
    expect(rows({ filter }).find(({ name }) => name === 'metadata address')?.detail).toBe(
      'no answer from 169.254.169.254:80; no filter stands before it',
    );
    expect(
      rows({ filter: { inForce: undefined, reason: 'x' } }).some(({ name }) => name === 'egress filter'),
    ).toBe(false);
  });

  it('is open where the host itself gave way', () => {
    expect(not('held', rows({ slowestAnswerMs: undefined }))).toEqual(['the host meanwhile: open']);
    expect(not('held', rows({ slowestAnswerMs: 9_000 }))).toEqual(['the host meanwhile: open']);
  });
});

describe('the table of a probe', () => {
  it('has its groups, its sum, its cures, and no control characters', () => {
    const text = probeTable(rows(), 5_432, false);
    expect(text).toMatch(/^Reaching others\nheld {5}MongoDB/);
    expect(text).toMatch(/\n\nEverything held\. It took 5\.4 s\.$/);
    const open = rows({ findings: withFinding(found('write', '/etc', 'written')), leaks: [] });
    expect(probeTable(open, 1, false)).toMatch(
      /open {5}system folders .*could write \/etc\n +→ find out who/,
    );
    expect(probeTable(open, 1, true)).toContain('\u001b[31mopen');
    expect(probeTable(open, 1, false)).toMatch(/Not held: system folders\./);
    const hostile = rows({ findings: withFinding(found('kernel', 'bpf\u001b[2J', 'gained')) });
    expect(probeTable(hostile, 1, false)).not.toContain('\u001b');
    expect(probeTable(rows({ findings: [], oomKilled: true }), 1, false)).toMatch(/not all could be tried: /);
  });
});

import { describe, expect, it } from 'vitest';
import type { Confinement } from '../../infra/engine/audit.ts';
import { cisCheck, cisRows, cisTable } from './cis.ts';
import { CIS_SECTION_5, type CisHost } from './cis-items.ts';

/** As a bot's container is. */
const confined: Confinement = {
  name: 'the0_bot_a',
  user: '1000:1000',
  privileged: false,
  readOnlyRoot: true,
  capabilitiesAdded: [],
  capabilitiesDropped: ['ALL'],
  noNewPrivileges: true,
  seccomp: 'default',
  sharesWithHost: [],
  memoryBytes: 512,
  memoryAndSwapBytes: 512,
  cpuShares: 512,
  pids: 256,
  ulimits: ['nofile', 'nproc'],
  mounts: [{ type: 'volume', source: 'the0_state_a', path: '/state', readOnly: false, shared: false }],
  devices: [],
  ports: [],
  restart: 'no',
  healthCheck: false,
  networks: ['the0_bots'],
  defaultNetwork: false,
};
const host: CisHost = { apparmor: false, selinux: false, clustered: false };

const statusOf = (id: string, changed: Partial<Confinement>, on: Partial<CisHost> = {}) =>
  cisRows({ containers: [{ ...confined, ...changed }], host: { ...host, ...on } }).find(
    (row) => row.id === id,
  )?.status;

const mount = (source: string, shared = false): Partial<Confinement> => ({
  mounts: [{ type: 'host', source, path: '/x', readOnly: true, shared }],
});

describe('section 5 of the CIS Docker Benchmark', () => {
  it('has its 32 items, each once, in order', () => {
    expect(CIS_SECTION_5.map(({ id }) => id)).toEqual(
      Array.from({ length: 32 }, (_, index) => `5.${index + 1}`),
    );
  });

  it('finds nothing in a container of ours but the health check, which is meant so', () => {
    const rows = cisRows({ containers: [confined], host });
    expect(rows.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual(['5.27']);
    expect(rows.filter(({ status }) => status === 'not applicable').map(({ id }) => id)).toEqual([
      '5.2',
      '5.3',
      '5.7',
      '5.14',
      '5.23',
      '5.24',
      '5.28',
    ]);
    for (const { status, note } of rows) expect(status === 'pass').toBe(note === undefined);
  });

  it.each<[string, Partial<Confinement>, Partial<CisHost>?]>([
    ['5.1', {}, { clustered: true }],
    ['5.2', {}, { apparmor: true }],
    ['5.3', {}, { selinux: true }],
    ['5.4', { capabilitiesAdded: ['NET_ADMIN'] }],
    ['5.4', { capabilitiesDropped: [] }],
    ['5.5', { privileged: true }],
    ['5.6', mount('/etc/passwd')],
    ['5.6', mount('/')],
    ['5.8', { ports: [{ address: '127.0.0.1', hostPort: 80, port: 8080 }] }],
    ['5.9', { ports: [{ address: '127.0.0.1', hostPort: 8080, port: 8080 }] }],
    ['5.10', { sharesWithHost: ['network'] }],
    ['5.11', { memoryBytes: 0 }],
    ['5.12', { cpuShares: 0 }],
    ['5.13', { readOnlyRoot: false }],
    ['5.14', { ports: [{ address: '0.0.0.0', hostPort: 8080, port: 8080 }] }],
    ['5.15', { restart: 'always' }],
    ['5.16', { sharesWithHost: ['pid'] }],
    ['5.17', { sharesWithHost: ['ipc'] }],
    ['5.18', { devices: ['/dev/kvm'] }],
    ['5.19', { ulimits: [] }],
    ['5.20', mount('/srv', true)],
    ['5.21', { sharesWithHost: ['uts'] }],
    ['5.22', { seccomp: 'unconfined' }],
    ['5.25', { cgroupParent: '/mine' }],
    ['5.26', { noNewPrivileges: false }],
    ['5.29', { pids: 0 }],
    ['5.30', { defaultNetwork: true }],
    ['5.31', { sharesWithHost: ['user'] }],
    ['5.32', mount('/var/run/docker.sock')],
    ['5.32', mount('/run/containerd/containerd.sock')],
  ])('%s fails for %o', (id, changed, on) => {
    expect(statusOf(id, changed, on)).toBe('fail');
    expect(statusOf(id, {}, {})).not.toBe('fail');
  });

  it('passes what is there and as it should be', () => {
    expect(statusOf('5.2', { apparmor: 'docker-default' }, { apparmor: true })).toBe('pass');
    expect(statusOf('5.3', { selinux: 'label' }, { selinux: true })).toBe('pass');
    expect(statusOf('5.14', { ports: [{ address: '10.0.0.1', hostPort: 8080, port: 1 }] })).toBe('pass');
    expect(statusOf('5.27', { healthCheck: true })).toBe('pass');
    expect(statusOf('5.6', mount('/etcetera'))).toBe('pass');
  });
});

describe('the check over all containers', () => {
  const facts = (...containers: Confinement[]) => ({ found: { containers, host, total: containers.length } });

  it('is ok while nobody made another kind of container', () => {
    expect(cisCheck(facts())).toMatchObject({ status: 'ok' });
    const check = cisCheck(facts(confined, confined));
    expect(check.status).toBe('ok');
    expect(check.detail).toBe('2 containers: 24 items pass, 1 fail, 7 not applicable (5.27, by design)');
    const some = cisCheck({ found: { containers: [confined], host, total: 900 } });
    expect(some.detail).toMatch(/^1 of 900 containers:/);
  });

  it('is bad otherwise, and names whom and what', () => {
    const check = cisCheck(facts(confined, { ...confined, name: 'the0_bot_b', privileged: true }));
    expect(check).toMatchObject({ status: 'bad' });
    expect(check.detail).toContain('5.5: the0_bot_b is privileged');
    expect(cisCheck({ error: new Error('away') })).toMatchObject({ status: 'warn' });
  });

  it('shows each item on a line, with three names at most and no control characters', () => {
    const many = ['a', 'b', 'c', 'd\u001b[2J'].map((name) => ({ ...confined, name, memoryBytes: 0 }));
    const lines = cisTable(cisRows({ containers: many, host }));
    expect(lines).toHaveLength(32);
    expect(lines.find((line) => line.includes('5.11'))).toMatch(
      /^fail {2}5\.11 {2}memory limited +4 of 4: a has no limit, b has no limit, c has no limit and 1 more$/,
    );
    expect(lines.find((line) => line.includes('5.2 '))).toMatch(/^n\/a {3}5\.2 .*the host has no AppArmor$/);
    expect(lines.join('')).not.toContain('\u001b');
  });
});

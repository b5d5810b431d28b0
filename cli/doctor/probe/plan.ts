import { MongoClient } from 'mongodb';
import type { Settings } from '../../../infra/config/settings.ts';
import { endpointOptions, parseEndpoint as parseEngine } from '../../../infra/engine/docker/endpoint.ts';
import { parseEndpoint as parseS3 } from '../../../infra/s3/endpoint.ts';
import { PATHS } from '../../../processors/entrypoints/paths.ts';
import type { SecretDigest } from './secrets.ts';

export const SERVERS = ['MongoDB', 'Redis', 'NATS', 'S3', 'the engine'] as const;
export type Server = (typeof SERVERS)[number];
export type TargetName = Server | 'the metadata address' | 'this host' | 'another bot';
export type Target = { name: TargetName; what: string; host: string; port: number };

/** What the bot is to try, and what it was given. */
export type ProbePlan = {
  targets: readonly Target[];
  memoryMb: number;
  pids: number;
  /** Processes it starts at most: those it is given, and some more. */
  processes: number;
  /** No file of it may be larger; 0: no such limit. */
  fileMb: number;
  stateMb: number;
  tmpfs: Readonly<Record<string, number>>;
  /** Secrets that it looks for. */
  secrets: number;
};

/** Addresses of this machine as a bot would see them. */
export type Surroundings = {
  gateway: string | undefined;
  /** Of this machine's other interfaces. */
  own: readonly string[];
  /** Port at the gateway at which the doctor listens; undefined where it cannot. */
  hostPort: number | undefined;
  neighbour: { address: string; names: readonly string[]; port: number };
  /** Addresses of names, as this process resolves them. */
  resolved: ReadonlyMap<string, readonly string[]>;
};

const METADATA = { host: '169.254.169.254', port: 80 };
/** Tried where the doctor itself cannot listen: a refusal shows as well that packets get there. */
const USUAL_PORT = 22;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\]|0\.0\.0\.0)$/i;
/** The bot's own processes, besides those that it starts. */
const MORE_THAN_ALLOWED = 32;
/** More are not tried: each takes memory of the bot, which is the next thing to be tried. */
const MOST_PROCESSES = 600;

export type Address = { name: Server; host: string; port: number };

/** Where the installation's servers are, as its settings have it. What cannot be read is left out: the doctor says so. */
export function serverAddresses(settings: Settings): Address[] {
  const of = (name: Server, read: () => { host: string; port: number }[]): Address[] => {
    try {
      return read().map((address) => ({ name, ...address }));
    } catch {
      return [];
    }
  };
  return [
    ...of('MongoDB', () =>
      new MongoClient(settings.MONGO_URI).options.hosts.map(({ host = 'localhost', port = 27_017 }) => ({
        host,
        port,
      })),
    ),
    ...of('Redis', () => [fromUrl(settings.REDIS_URL, 6_379)]),
    ...of('NATS', () =>
      (settings.NATS_URL ?? '')
        .split(',')
        .filter(Boolean)
        .map((url) => fromUrl(url, 4_222)),
    ),
    ...of('S3', () => {
      const { host, port, useSsl } = parseS3(settings.S3_ENDPOINT, settings.S3_USE_SSL);
      return [{ host, port: port ?? (useSsl ? 443 : 80) }];
    }),
    ...of('the engine', () => {
      const endpoint = parseEngine(endpointOptions(settings));
      return endpoint.kind === 'tcp' ? [{ host: endpoint.host, port: endpoint.port }] : [];
    }),
  ];
}

function fromUrl(text: string, usualPort: number): { host: string; port: number } {
  const url = new URL(text.includes('://') ? text.trim() : `x://${text.trim()}`);
  return { host: url.hostname, port: url.port === '' ? usualPort : Number(url.port) };
}

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** Every address at which a bot may hope to find them. Pure. */
export function targetsOf(servers: readonly Address[], around: Surroundings): Target[] {
  const here = ['127.0.0.1', ...(around.gateway === undefined ? [] : [around.gateway]), ...around.own];
  const target = (name: TargetName, host: string, port: number): Target => ({
    name,
    what: `${name} at ${host}:${port}`,
    host,
    port,
  });
  const targets = [
    ...servers.flatMap(({ name, host, port }) => {
      const hosts = isLoopback(host) ? here : [host, ...(around.resolved.get(host) ?? [])];
      return hosts.map((each) => target(name, each, port));
    }),
    target('the metadata address', METADATA.host, METADATA.port),
    ...[around.gateway, ...around.own].flatMap((host) =>
      host === undefined ? [] : [target('this host', host, around.hostPort ?? USUAL_PORT)],
    ),
    ...[around.neighbour.address, ...around.neighbour.names].map((host) =>
      target('another bot', host, around.neighbour.port),
    ),
  ];
  // Bots have no IPv6.
  return [...new Map(targets.map((each) => [each.what, each])).values()].filter(
    ({ host }) => !host.includes(':'),
  );
}

export const processesTried = (pids: number): number => Math.min(pids + MORE_THAN_ALLOWED, MOST_PROCESSES);

const FOLDERS = ['/', '/usr', '/usr/bin', '/etc', '/var', '/opt', '/root', '/home', '/run'];
const KERNEL = [
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/hostname',
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sysrq-trigger',
  '/sys/kernel/uevent_helper',
  '/sys/kernel/mm/transparent_hugepage/enabled',
  '/sys/fs/cgroup/cgroup.procs',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes',
  '/sys/fs/cgroup/pids/pids.max',
];
const DEVICES = ['/dev/mem', '/dev/kmsg', '/dev/kvm', '/dev/sda', '/dev/vda', '/dev/nvme0n1', '/dev/fuse'];
const CODE = [PATHS.code, `${PATHS.code}/main.py`];
const LAUNCH = [PATHS.run, `${PATHS.run}/launch.py`];
const RESULT = `${PATHS.run}/result.json`;

/** What the bot tries to write, by the row of the table. A folder by making a file in it, a file by opening it. */
export const WRITES = {
  'system folders': FOLDERS,
  'its own code': CODE,
  'its launcher': LAUNCH,
  'kernel settings': KERNEL,
  devices: [...DEVICES, 'a device of its own'],
} as const;

const SOCKETS = [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
];
/** Everything of which somebody else decides what is there. */
const MOUNTS = [
  PATHS.code,
  PATHS.run,
  PATHS.state,
  '/run',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
];

/** The configuration of the bot that tries. */
export function probeConfig(
  plan: ProbePlan,
  { salt, secrets, seconds }: { salt: Buffer; secrets: readonly SecretDigest[]; seconds: number },
): Record<string, unknown> {
  return {
    type: 'realtime/the0-probe',
    role: 'probe',
    seconds,
    targets: plan.targets.map(({ what, host, port }) => ({ what, host, port })),
    sockets: SOCKETS,
    folders: [...FOLDERS, PATHS.code, PATHS.run],
    files: [...KERNEL, ...DEVICES, CODE[1], LAUNCH[1]],
    mounts: MOUNTS,
    salt: salt.toString('hex'),
    secrets,
    processes: plan.processes,
    tmpfs: plan.tmpfs,
    volumes: [PATHS.state],
    large: [RESULT],
    fileMegabytes: plan.fileMb > 0 ? plan.fileMb : plan.stateMb,
    memoryMegabytes: plan.memoryMb,
  };
}

/** The configuration of the bot that must not be reached. */
export const neighbourConfig = (port: number, seconds: number): Record<string, unknown> => ({
  type: 'realtime/the0-probe',
  role: 'neighbour',
  seconds,
  port,
});

import type { Confinement, Namespace } from '../../infra/engine/audit.ts';

/** `why` of a failure names what was found; of what is not applicable, the reason. */
export type Verdict = 'pass' | { fail: string } | { notApplicable: string };

/** What an item may need to know of the host. */
export type CisHost = { apparmor: boolean; selinux: boolean; clustered: boolean };

export type CisItem = {
  id: string;
  title: string;
  judge: (container: Confinement, host: CisHost) => Verdict;
  /** Why a failure is meant so. */
  byDesign?: string;
};

const fails = (is: boolean, why: string): Verdict => (is ? { fail: why } : 'pass');
const byHand = (why: string) => (): Verdict => ({ notApplicable: why });
const ownNamespace =
  (namespace: Namespace) =>
  ({ sharesWithHost }: Confinement): Verdict =>
    fails(sharesWithHost.includes(namespace), `shares the host’s ${namespace} namespace`);

const SENSITIVE = ['/boot', '/dev', '/etc', '/lib', '/proc', '/sys', '/usr'];
const ENGINE_SOCKET = /(docker|containerd|podman|crio)[^/]*\.sock$/;
const LAST_PRIVILEGED_PORT = 1023;

const hostPaths = ({ mounts }: Confinement): string[] =>
  mounts.flatMap(({ type, source }) => (type === 'host' ? [source] : []));

const isSensitive = (path: string): boolean =>
  path === '/' || SENSITIVE.some((each) => path === each || path.startsWith(`${each}/`));

/** Section 5 (container runtime) of the CIS Docker Benchmark, by the numbers of its versions 1.6 to 1.8. */
export const CIS_SECTION_5: readonly CisItem[] = [
  {
    id: '5.1',
    title: 'swarm mode is off',
    judge: (_, { clustered }) => fails(clustered, 'the engine is part of a swarm'),
  },
  {
    id: '5.2',
    title: 'an AppArmor profile, if applicable',
    judge: ({ apparmor }, host) =>
      host.apparmor
        ? fails(apparmor === undefined, 'runs unconfined')
        : { notApplicable: 'the host has no AppArmor' },
  },
  {
    id: '5.3',
    title: 'SELinux options, if applicable',
    judge: ({ selinux }, host) =>
      host.selinux
        ? fails(selinux === undefined, 'has no label')
        : { notApplicable: 'the host has no SELinux' },
  },
  {
    id: '5.4',
    title: 'capabilities restricted',
    judge: ({ capabilitiesAdded: added, capabilitiesDropped: dropped }) =>
      added.length > 0
        ? { fail: `has ${added.join(', ')} added` }
        : fails(!dropped.some((each) => each.toUpperCase() === 'ALL'), 'keeps the engine’s default ones'),
  },
  {
    id: '5.5',
    title: 'not privileged',
    judge: ({ privileged }) => fails(privileged, 'is privileged'),
  },
  {
    id: '5.6',
    title: 'no sensitive folders of the host',
    judge: (container) => {
      const found = hostPaths(container).filter(isSensitive);
      return fails(found.length > 0, `mounts ${found.join(', ')}`);
    },
  },
  {
    id: '5.7',
    title: 'no SSH server',
    judge: byHand('what runs in it is its owner’s; nothing of it is published'),
  },
  {
    id: '5.8',
    title: 'no privileged ports mapped',
    judge: ({ ports }) => {
      const low = ports.filter(({ hostPort }) => hostPort > 0 && hostPort <= LAST_PRIVILEGED_PORT);
      return fails(low.length > 0, `publishes ${low.map(({ hostPort }) => hostPort).join(', ')}`);
    },
  },
  {
    id: '5.9',
    title: 'only needed ports open',
    judge: ({ ports }) =>
      fails(ports.length > 0, `publishes ${ports.map(({ port }) => port).join(', ')}, which nothing needs`),
  },
  { id: '5.10', title: 'a network of its own', judge: ownNamespace('network') },
  {
    id: '5.11',
    title: 'memory limited',
    judge: ({ memoryBytes }) => fails(memoryBytes === 0, 'has no limit'),
  },
  { id: '5.12', title: 'CPU priority set', judge: ({ cpuShares }) => fails(cpuShares === 0, 'has none') },
  {
    id: '5.13',
    title: 'read-only root',
    judge: ({ readOnlyRoot }) => fails(!readOnlyRoot, 'may write to its root'),
  },
  {
    id: '5.14',
    title: 'incoming traffic bound to an interface',
    judge: ({ ports }) =>
      ports.length === 0
        ? { notApplicable: 'no port is published' }
        : fails(
            ports.some(({ address }) => ['', '0.0.0.0', '::'].includes(address)),
            'publishes on every interface',
          ),
  },
  {
    id: '5.15',
    title: 'restarts limited',
    judge: ({ restart }) =>
      fails(restart === 'always' || restart === 'unless-stopped', `restart policy ${restart}`),
  },
  { id: '5.16', title: 'processes of its own', judge: ownNamespace('pid') },
  { id: '5.17', title: 'IPC of its own', judge: ownNamespace('ipc') },
  {
    id: '5.18',
    title: 'no devices of the host',
    judge: ({ devices }) => fails(devices.length > 0, `has ${devices.join(', ')}`),
  },
  {
    id: '5.19',
    title: 'ulimits of its own',
    judge: ({ ulimits }) => fails(ulimits.length === 0, 'has the engine’s default ones'),
  },
  {
    id: '5.20',
    title: 'mounts not shared with the host',
    judge: ({ mounts }) => {
      const shared = mounts.filter((mount) => mount.shared);
      return fails(shared.length > 0, `shares ${shared.map(({ path }) => path).join(', ')}`);
    },
  },
  { id: '5.21', title: 'host name of its own', judge: ownNamespace('uts') },
  {
    id: '5.22',
    title: 'system calls filtered',
    judge: ({ seccomp }) => fails(seccomp === 'unconfined', 'no seccomp profile'),
  },
  { id: '5.23', title: 'no privileged exec', judge: byHand('the runtime executes nothing in containers') },
  { id: '5.24', title: 'no exec as root', judge: byHand('the runtime executes nothing in containers') },
  {
    id: '5.25',
    title: 'the engine’s own cgroup',
    judge: ({ cgroupParent }) => fails(cgroupParent !== undefined, `below ${cgroupParent}`),
  },
  {
    id: '5.26',
    title: 'no new privileges',
    judge: ({ noNewPrivileges }) => fails(!noNewPrivileges, 'a set-uid program gains them'),
  },
  {
    id: '5.27',
    title: 'a health check',
    judge: ({ healthCheck }) => fails(!healthCheck, 'has none'),
    byDesign:
      'a check would run as a second program in the bot’s container; the runtime follows each container itself',
  },
  {
    id: '5.28',
    title: 'the latest version of its image',
    judge: byHand('images are pinned by id; `npm run images` renews them'),
  },
  { id: '5.29', title: 'processes limited', judge: ({ pids }) => fails(pids === 0, 'has no limit') },
  {
    id: '5.30',
    title: 'not on the default bridge',
    judge: ({ defaultNetwork }) => fails(defaultNetwork, 'is on it'),
  },
  { id: '5.31', title: 'users not the host’s by request', judge: ownNamespace('user') },
  {
    id: '5.32',
    title: 'no engine socket mounted',
    judge: (container) => {
      const sockets = hostPaths(container).filter((path) => ENGINE_SOCKET.test(path));
      return fails(sockets.length > 0, `mounts ${sockets.join(', ')}`);
    },
  },
];

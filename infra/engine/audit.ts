/** What an audit asks an engine. Facts only: whoever reads them judges. Each engine has its own words for these; here are common ones. */

/** What of the host a container may share instead of having its own. */
export const NAMESPACES = ['network', 'pid', 'ipc', 'uts', 'user', 'cgroup'] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** `host`: a path of the host itself. `shared`: mounts made on either side show on the other. */
export type MountFact = {
  type: 'volume' | 'tmpfs' | 'host';
  /** Name of the volume, or path on the host. */
  source: string;
  path: string;
  readOnly: boolean;
  shared: boolean;
};

/** How a container is confined, as the engine itself has it, whoever made it and however. Zero: no limit. */
export type Confinement = {
  name: string;
  /** As `uid:gid`; empty: whoever the image says. */
  user: string;
  privileged: boolean;
  readOnlyRoot: boolean;
  capabilitiesAdded: readonly string[];
  capabilitiesDropped: readonly string[];
  noNewPrivileges: boolean;
  seccomp: 'default' | 'custom' | 'unconfined';
  /** Profile and label in force; absent: none. */
  apparmor?: string;
  selinux?: string;
  sharesWithHost: readonly Namespace[];
  memoryBytes: number;
  /** Memory and swap together. */
  memoryAndSwapBytes: number;
  cpuShares: number;
  pids: number;
  /** Names of the limits that are its own. */
  ulimits: readonly string[];
  mounts: readonly MountFact[];
  devices: readonly string[];
  /** Published on the host; `address` is where. */
  ports: readonly { address: string; hostPort: number; port: number }[];
  restart: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  healthCheck: boolean;
  networks: readonly string[];
  /** On the network that the engine puts a container on of which nothing is said. */
  defaultNetwork: boolean;
  /** Another place among the control groups than the engine's own choice. */
  cgroupParent?: string;
};

/** The engine's host, for whoever wonders how much it carries and what it can guard. Absent: not known. */
export type EngineHostFacts = {
  kernel: string;
  memoryBytes: number;
  storageDriver: string;
  /** Where the engine keeps what it has; only where that is a folder of this machine. */
  folder?: string;
  /** Whether its file system could limit what a volume takes. */
  limitsVolumes: boolean;
  selinux: boolean;
  /** Whether root in a container is somebody else on the host. */
  userNamespaces: boolean;
  rootless: boolean;
  /** Whether it takes orders from other machines. */
  clustered: boolean;
  /** The network of bots, once it was made. */
  botNetwork?: { bridge: string; subnets: readonly string[]; gateway?: string };
};

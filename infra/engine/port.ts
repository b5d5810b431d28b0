/**
 * The engine port: everything the rest of the tree may ask of a container engine, and nothing more.
 * Two implementations (`docker/`, `fake/`) pass the same suite in `test/conformance/`.
 */

/** What a container is for; written as label `the0.kind`, and as the contract's `runtime.type`. */
export type ContainerKind = 'bot' | 'helper' | 'probe';

/** A named volume of this installation at a path in the container. Host paths cannot be expressed. */
export type VolumeMount = {
  volume: string;
  path: string;
  readOnly: boolean;
  labels: Readonly<Record<string, string>>;
};

/** A tmpfs with a size: `exec` allows running files from it. Owned by uid/gid 1000. */
export type TmpfsMount = { path: string; sizeMb: number; exec: boolean; mode: number };

/** Block-I/O limits; engines that cannot apply them leave them out and say so in `capabilities()`. */
export type BlockIo = { weight?: number; readBps?: number; writeBps?: number; device?: string };

export type ContainerLimits = {
  /** Memory including swap, bytes. */
  memoryBytes: number;
  /** CPU quota in cores (0.5 = half a core). */
  cpus: number;
  /** Relative weight under contention (Docker's CPU shares). */
  cpuShares: number;
  pids: number;
  nofile: number;
  nproc: number;
  shmBytes: number;
  blockIo?: BlockIo;
};

/**
 * A closed description of a container. It can express only what is allowed: there is no field for privileged
 * mode, host mounts, host namespaces, added capabilities, devices, published ports or extra hosts.
 */
export type ContainerSpec = {
  name: string;
  kind: ContainerKind;
  /** Image by digest or local image id, as `resolveImage` gave it. */
  image: string;
  /** Replaces the image's entry point and command. */
  command: readonly string[];
  workingDir: string;
  env: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  limits: ContainerLimits;
  volumes: readonly VolumeMount[];
  tmpfs: readonly TmpfsMount[];
  /** False only for a container that is never started: volumes are filled through one (a read-only root refuses that). */
  readOnlyRoot?: boolean;
  /** `bots`: the installation's filtered network. `none`: loopback only. */
  network: 'bots' | 'none';
  /** OCI runtime such as `runsc`; unset: the engine's default. */
  ociRuntime?: string;
  /** Seccomp profile (JSON text); unset: the engine's default profile, never unconfined. */
  seccompProfile?: string;
  /** AppArmor profile; unset: the engine's default where the host has AppArmor. */
  apparmorProfile?: string;
};

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type ContainerView = {
  id: string;
  name: string;
  state: ContainerState;
  labels: Readonly<Record<string, string>>;
  image: string;
};

/** What `inspect` adds: times are epoch milliseconds, absent where the engine has none. */
export type ContainerDetail = ContainerView & {
  createdAtMs: number;
  startedAtMs?: number;
  finishedAtMs?: number;
  exitCode?: number;
  /** Name of the signal that ended it, when the exit code says so (128+n). */
  signal?: string;
  oomKilled: boolean;
  /** The engine's own message when it could not start it. */
  error?: string;
};

/** `any-managed`: also containers of other software with the reference's `runtime.managed=true` (read only). */
export type ContainerSelector = {
  labels?: Readonly<Record<string, string>>;
  scope?: 'installation' | 'any-managed';
};

export type EngineEvent = {
  type: 'created' | 'started' | 'died' | 'oom' | 'removed';
  containerId: string;
  labels: Readonly<Record<string, string>>;
  exitCode?: number;
  atMs: number;
};

export type LogLine = { stream: 'stdout' | 'stderr'; data: Buffer };

export type VolumeView = { name: string; labels: Readonly<Record<string, string>>; createdAtMs: number };

export type EngineIdentity = { id: string; product: string; version: string };

/** What this host can really enforce; `doctor` prints it, the renderer leaves out what has no effect. */
export type EngineCapabilities = {
  /** Cores of the engine's host: a CPU quota above it has no effect and is rendered as this. */
  cpus: number;
  cgroupVersion: 1 | 2;
  apparmor: boolean;
  seccomp: boolean;
  blockIoWeight: boolean;
  blockIoRates: boolean;
  ociRuntimes: readonly string[];
};

export type RegistryAuth = { username: string; password: string; serverAddress: string };

export type CallOptions = { signal?: AbortSignal };

/**
 * Rules shared by every implementation:
 * - all containers, volumes and networks carry `the0.installation=<installation>` and a name that starts with it;
 * - `list`, `listVolumes` and `events` see this installation only (`any-managed` excepted);
 * - a call that cannot reach the engine throws `EngineUnavailable`; one that is refused throws a named error of `errors.ts`.
 */
export interface Engine extends AsyncDisposable {
  readonly installation: string;
  identify(options?: CallOptions): Promise<EngineIdentity>;
  capabilities(options?: CallOptions): Promise<EngineCapabilities>;

  /** Throws `NameTaken` (with the holder's id) if the name exists, `ImageMissing` if the image is gone. */
  create(spec: ContainerSpec, options?: CallOptions): Promise<string>;
  /** No-op if it runs already. Throws `ContainerMissing`, `StartRefused`. */
  start(id: string, options?: CallOptions): Promise<void>;
  /** SIGTERM, grace, SIGKILL; resolves once it has ended. No-op if it has ended or is gone. */
  stop(id: string, graceMs: number, options?: CallOptions): Promise<void>;
  /** Removes a container that has ended or never started; kills it first only with `force`. No-op if gone. */
  remove(id: string, options?: CallOptions & { force?: boolean }): Promise<void>;
  /** By id or by name; undefined if there is none. */
  inspect(idOrName: string, options?: CallOptions): Promise<ContainerDetail | undefined>;
  list(selector?: ContainerSelector, options?: CallOptions): Promise<ContainerView[]>;
  /** Resolves with the exit code once it has ended. */
  wait(id: string, options?: CallOptions): Promise<{ exitCode: number }>;
  /** Ends only by `signal`, or throws `EngineUnavailable` when the stream breaks: the caller reopens with `sinceMs`. */
  events(options: { sinceMs?: number; signal: AbortSignal }): AsyncIterable<EngineEvent>;
  /** Output so far (`tail` last lines), or followed until the container ends. */
  logs(
    id: string,
    options: { sinceMs?: number; tail?: number; follow?: boolean; signal?: AbortSignal },
  ): AsyncIterable<LogLine>;
  /** Tar stream of a path. Not for tmpfs. */
  readArchive(id: string, path: string, options?: CallOptions): Promise<NodeJS.ReadableStream>;
  /** Unpacks a tar stream at a path on a writable volume of the container (running or not). */
  writeArchive(
    id: string,
    path: string,
    tar: NodeJS.ReadableStream | Buffer,
    options?: CallOptions,
  ): Promise<void>;
  /** Permission bits of a path on a volume or in the root of a created container; undefined if there is none. */
  pathMode(id: string, path: string, options?: CallOptions): Promise<number | undefined>;
  stats(id: string, options?: CallOptions): Promise<{ memoryBytes: number; cpuNanos: number } | undefined>;

  /** The immutable id of an image that is present, or undefined. */
  resolveImage(reference: string, options?: CallOptions): Promise<string | undefined>;
  /** Pulls and resolves. Throws `PullFailed`. */
  pullImage(reference: string, options?: CallOptions & { auth?: RegistryAuth }): Promise<string>;

  createVolume(name: string, labels: Readonly<Record<string, string>>, options?: CallOptions): Promise<void>;
  listVolumes(labels?: Readonly<Record<string, string>>, options?: CallOptions): Promise<VolumeView[]>;
  /** False while a container still uses it; true if removed or gone. */
  removeVolume(name: string, options?: CallOptions): Promise<boolean>;
  /** Creates the installation's bot network if absent; its bridge interface name is what egress rules match. */
  ensureNetwork(options?: CallOptions): Promise<{ name: string; bridge: string; subnets: string[] }>;
  removeNetwork(options?: CallOptions): Promise<void>;
}

import type { UsageReading } from '../../model/usage.ts';
import type { Confinement, EngineHostFacts } from './audit.ts';

/**
 * The engine port: everything the rest of the tree may ask of a container engine, and nothing more.
 * Two implementations (`docker/`, `fake/`) pass the same suite in `test/conformance/`.
 */

/**
 * What a container is for, as label `the0.kind`: a long-lived bot, one run of a schedule, a bot's query program, a volume to
 * be filled or looked at, a look at the network.
 */
export type ContainerKind = 'bot' | 'run' | 'query' | 'helper' | 'probe';

/** A named volume of this installation at a path in the container. Host paths cannot be expressed. */
export type VolumeMount = {
  volume: string;
  path: string;
  readOnly: boolean;
  labels: Readonly<Record<string, string>>;
  /** What the file system keeps it to where the engine can have it do so, from its making on; elsewhere without effect. */
  sizeBytes?: number;
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
  /** Largest file, wherever it is. Unset: no limit. */
  fileBytes?: number;
  /** Output that the engine itself keeps, before its oldest third goes. Unset: 30 MB. */
  logBytes?: number;
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
  /** `bots`: the installation's filtered network. `none`: loopback only. Else a network of `ensureInternalNetwork`. */
  network: 'bots' | 'none' | { internal: string };
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
  /** IPv4 address on each network it is attached to, while it is up; by name of the network. */
  addresses: Readonly<Record<string, string>>;
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

/**
 * One entry of a container's output: a line with its newline, or a piece of a very long one (the engine cuts at 16 KiB), or
 * a last line without one. `time` is the engine's, in UTC, with nine digits of a second
 * (`2026-11-24T03:04:05.123456789Z`), so that texts compare as times do.
 */
export type LogLine = { stream: 'stdout' | 'stderr'; time: string; data: Buffer };

/** One entry of a volume, as a cheap listing shows it. `path` is relative to the volume's root, with `/`. */
export type VolumeFile = {
  path: string;
  type: 'file' | 'directory' | 'link' | 'other';
  bytes: number;
  /** Of the last change of its content and of its name or attributes, in nanoseconds since the epoch, as text. */
  mtimeNs: string;
  ctimeNs: string;
  mode: number;
};

/**
 * Of one volume. `complete` is false where there was more than asked for, or than can be listed. `tooDeep`: a folder that was
 * not looked into for it lies too deep. `unread`: who listed it was stopped before the end, which says nothing of how much
 * there is.
 */
export type VolumeListing = { files: VolumeFile[]; complete: boolean; tooDeep?: string; unread?: true };

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
  /** Asks and makes nothing, the bots' network included. */
  hostFacts(options?: CallOptions): Promise<EngineHostFacts>;

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
  /** How it is really confined; undefined if it is gone. Throws `EngineRefused` for another installation's. */
  confinement(id: string, options?: CallOptions): Promise<Confinement | undefined>;
  /** Resolves with the exit code once it has ended. */
  wait(id: string, options?: CallOptions): Promise<{ exitCode: number }>;
  /** Ends only by `signal`, or throws `EngineUnavailable` when the stream breaks: the caller reopens with `sinceMs`. */
  events(options: { sinceMs?: number; signal: AbortSignal }): AsyncIterable<EngineEvent>;
  /**
   * Output so far (`tail` last entries; cheap however much there is), or followed until the container ends. `sinceMs` or, to
   * the nanosecond, `since` (`LogLine.time`): entries of that very moment are told again.
   */
  logs(
    id: string,
    options: { sinceMs?: number; since?: string; tail?: number; follow?: boolean; signal?: AbortSignal },
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
  /**
   * What containers that run have used since they were started. Whoever does not run, is gone, or cannot be
   * measured by the engine just now, is absent from the answer.
   * Cheap for a thousand at once where this process sees the kernel's own figures; elsewhere a question for each.
   */
  usage(ids: readonly string[], options?: CallOptions): Promise<Map<string, UsageReading>>;

  /** The immutable id of an image that is present, or undefined. */
  resolveImage(reference: string, options?: CallOptions): Promise<string | undefined>;
  /** Pulls and resolves. Throws `PullFailed`. */
  pullImage(reference: string, options?: CallOptions & { auth?: RegistryAuth }): Promise<string>;
  /** By id. False while a container, of whomever, or a second name uses it; true if removed or gone. */
  removeImage(id: string, options?: CallOptions): Promise<boolean>;

  createVolume(name: string, labels: Readonly<Record<string, string>>, options?: CallOptions): Promise<void>;
  /** By name: costs the same however many there are. Undefined if there is none, or it is another installation's. */
  inspectVolume(name: string, options?: CallOptions): Promise<VolumeView | undefined>;
  listVolumes(labels?: Readonly<Record<string, string>>, options?: CallOptions): Promise<VolumeView[]>;
  /**
   * What is on volumes, without reading any content: at the mount points where this process can read them, else by a helper.
   * A volume that is gone is absent from the answer, and so is one that cannot be read, which is logged; where that leaves
   * nothing to tell, such as of one asked for alone, it throws. `maxFiles` bounds each; `complete` is false where it cut.
   * `image`: one that the engine has, with a shell, for the helper. `made`: the volume's own label, by which it is told from
   * an earlier one of its name.
   */
  listFiles(
    volumes: readonly string[],
    options: CallOptions & { maxFiles: number; image: string },
  ): Promise<Map<string, VolumeListing & { made: string }>>;
  /** Where this process can read a volume's files itself (`volume-walk.ts`); undefined where it cannot, or it is gone. */
  volumePath(name: string, options?: CallOptions): Promise<string | undefined>;
  /** Deletes all that is on a volume, while nothing of its owner runs. No-op if it is gone. `image` as for `listFiles`. */
  emptyVolume(name: string, options: CallOptions & { image: string }): Promise<void>;
  /** False while a container still uses it; true if removed or gone. */
  removeVolume(name: string, options?: CallOptions): Promise<boolean>;
  /** Creates the installation's bot network if absent; its bridge interface name is what egress rules match. */
  ensureNetwork(options?: CallOptions): Promise<{ name: string; bridge: string; subnets: string[] }>;
  removeNetwork(options?: CallOptions): Promise<void>;
  /**
   * A network of the installation that reaches nothing outside it; made if absent. Name: `<installation>_…`. `shared`: for
   * many containers, which cannot reach each other and which this host reaches; else a small one, in which not even the
   * host has an address: only what was joined reaches its containers.
   */
  ensureInternalNetwork(
    name: string,
    options?: CallOptions & { shared?: boolean },
  ): Promise<{ name: string; bridge: string }>;
  listInternalNetworks(options?: CallOptions): Promise<string[]>;
  /** False while a container of the installation is attached to it; true if removed or gone. What was joined leaves. */
  removeInternalNetwork(name: string, options?: CallOptions): Promise<boolean>;
  /**
   * Attaches a container (the query server's own, or a query container that is not started yet) to an internal network.
   * No-op if it is. Throws `ContainerMissing`, and `EngineRefused` for a bot's.
   */
  joinInternalNetwork(name: string, containerId: string, options?: CallOptions): Promise<void>;
}

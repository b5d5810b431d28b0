/** What is read of the Docker Engine API's answers; every field that may be absent is optional. */

export type CreateAnswer = { Id: string; Warnings?: string[] | null };

export type ContainerItem = {
  Id: string;
  Names?: string[] | null;
  ImageID: string;
  State: string;
  Labels?: Record<string, string> | null;
};

export type InspectAnswer = {
  Id: string;
  Name: string;
  /** RFC 3339, as all times here. */
  Created: string;
  Image: string;
  Config: { Labels?: Record<string, string> | null };
  NetworkSettings?: { Networks?: Record<string, { IPAddress?: string }> | null } | null;
  State: {
    Status: string;
    ExitCode: number;
    OOMKilled: boolean;
    Error?: string;
    /** Year 1 where it never happened. */
    StartedAt?: string;
    FinishedAt?: string;
  };
};

export type WaitAnswer = { StatusCode: number; Error?: { Message?: string } | null };

export type StatsAnswer = {
  cpu_stats: { cpu_usage: { total_usage: number } };
  memory_stats?: {
    usage?: number;
    limit?: number;
    /** `total_inactive_file` on cgroup version 1, `inactive_file` on 2. */
    stats?: { total_inactive_file?: number; inactive_file?: number };
  };
  pids_stats?: { current?: number };
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }> | null;
};

export type VolumeAnswer = {
  Name: string;
  Labels?: Record<string, string> | null;
  CreatedAt?: string;
  Mountpoint?: string;
  Driver?: string;
};

export type NetworkAnswer = {
  Name: string;
  EnableIPv6?: boolean;
  Internal?: boolean;
  Labels?: Record<string, string> | null;
  Options?: Record<string, string> | null;
  IPAM?: { Config?: { Subnet?: string; Gateway?: string }[] | null } | null;
  /** Only where one network is inspected: those that are up, by id. */
  Containers?: Record<string, unknown> | null;
};

/** One frame of `POST /images/create`. */
export type PullProgress = { status?: string; error?: string; errorDetail?: { message?: string } };

export type EventMessage = {
  Type?: string;
  Action?: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
  timeNano?: number;
};

export type InfoAnswer = {
  ID: string;
  ServerVersion: string;
  NCPU?: number;
  CgroupVersion?: string;
  SecurityOptions?: readonly string[] | null;
  Runtimes?: Readonly<Record<string, unknown>> | null;
  KernelVersion?: string;
  MemTotal?: number;
  Driver?: string;
  DockerRootDir?: string;
  Swarm?: { LocalNodeState?: string } | null;
};

/** What an audit reads of a container, whoever made it: of everything that may be set. */
export type AuditedContainer = {
  Name: string;
  AppArmorProfile?: string;
  ProcessLabel?: string;
  Config: { User?: string; Healthcheck?: { Test?: string[] | null } | null };
  HostConfig: {
    Privileged?: boolean;
    ReadonlyRootfs?: boolean;
    CapAdd?: string[] | null;
    CapDrop?: string[] | null;
    SecurityOpt?: string[] | null;
    NetworkMode?: string;
    PidMode?: string;
    IpcMode?: string;
    UTSMode?: string;
    UsernsMode?: string;
    CgroupnsMode?: string;
    Memory?: number;
    /** -1: no limit. */
    MemorySwap?: number;
    CpuShares?: number;
    PidsLimit?: number | null;
    Ulimits?: { Name: string }[] | null;
    Devices?: { PathOnHost: string }[] | null;
    PortBindings?: Record<string, { HostIp?: string; HostPort?: string }[] | null> | null;
    RestartPolicy?: { Name?: string } | null;
    CgroupParent?: string;
    Tmpfs?: Record<string, string> | null;
  };
  Mounts?:
    | {
        Type?: string;
        Name?: string;
        Source?: string;
        Destination: string;
        RW?: boolean;
        Propagation?: string;
      }[]
    | null;
  NetworkSettings?: { Networks?: Record<string, unknown> | null } | null;
};

/** Body of `POST /containers/create`: only what a spec can turn into. */
export type CreateBody = {
  Image: string;
  Entrypoint: string[];
  Cmd: string[];
  WorkingDir: string;
  User: string;
  Env: string[];
  Labels: Record<string, string>;
  StopSignal: 'SIGTERM';
  Healthcheck: { Test: ['NONE'] };
  Tty: false;
  OpenStdin: false;
  HostConfig: HostConfig;
};

export type HostConfig = {
  ReadonlyRootfs: boolean;
  CapDrop: ['ALL'];
  SecurityOpt: string[];
  IpcMode: 'private';
  CgroupnsMode?: 'private';
  Init: true;
  NetworkMode: string;
  Dns?: string[];
  DnsOptions?: string[];
  RestartPolicy: { Name: 'no' };
  AutoRemove: false;
  LogConfig: { Type: string; Config: Record<string, string> };
  Runtime?: string;
  Memory: number;
  MemorySwap: number;
  NanoCpus: number;
  CpuShares: number;
  PidsLimit: number;
  Ulimits: { Name: string; Soft: number; Hard: number }[];
  ShmSize: number;
  BlkioWeight?: number;
  BlkioDeviceReadBps?: DeviceRate[];
  BlkioDeviceWriteBps?: DeviceRate[];
  Mounts: VolumeMountBody[];
  Tmpfs: Record<string, string>;
};

export type DeviceRate = { Path: string; Rate: number };

export type VolumeMountBody = {
  Type: 'volume';
  Source: string;
  Target: string;
  ReadOnly: boolean;
  VolumeOptions: {
    NoCopy: true;
    Labels: Record<string, string>;
    DriverConfig?: { Name: 'local'; Options: { size: string } };
  };
};

import type { Settings } from '../infra/config/settings.ts';
import type {
  BlockIo,
  ContainerLimits,
  ContainerSpec,
  TmpfsMount,
  VolumeMount,
} from '../infra/engine/port.ts';
import { LABEL } from '../model/labels.ts';
import type { BotLimits, OperatorLimits } from '../model/limits.ts';
import { containerName, launchVolumeName, stateVolumeName } from '../model/names.ts';
import { PATHS } from './entrypoints/paths.ts';
import type { LaunchPlan } from './entrypoints/types.ts';

const MB = 2 ** 20;
/** Room for the result of a query and for what a bot logs to a file of its own. */
const SMALL_TMPFS_MB = 16;

/** The settings that decide how a bot's container is made. */
export type BotSpecSettings = Pick<
  Settings,
  | 'BOT_PIDS_LIMIT'
  | 'BOT_NOFILE_LIMIT'
  | 'BOT_NPROC_LIMIT'
  | 'BOT_TMP_MB'
  | 'BOT_WORKDIR_MB'
  | 'BOT_SHM_MB'
  | 'BOT_BLKIO_WEIGHT'
  | 'BOT_BLKIO_DEVICE'
  | 'BOT_BLKIO_READ_MB'
  | 'BOT_BLKIO_WRITE_MB'
  | 'BOT_OCI_RUNTIME'
  | 'BOT_APPARMOR_PROFILE'
>;

export type BotSpecInput = {
  installation: string;
  botId: string;
  launch: LaunchPlan;
  limits: BotLimits;
  /** Digest or image id, as the engine resolved it. */
  image: string;
  codeVolume: { name: string; labels: Readonly<Record<string, string>> };
  /** Of the container (`botLabels`). */
  labels: Readonly<Record<string, string>>;
  settings: BotSpecSettings;
  /** Content of the file `BOT_SECCOMP_PROFILE` names. */
  seccompProfile?: string;
};

/**
 * A bot's container, as a pure function of its description. Nothing of the bot's configuration is in it: that goes into
 * the launch volume, so whoever may inspect containers sees no exchange key.
 */
export function botSpec(input: BotSpecInput): ContainerSpec {
  const { installation, botId, launch, settings, seccompProfile } = input;
  return {
    name: containerName(installation, botId),
    kind: 'bot',
    image: input.image,
    command: launch.command,
    workingDir: launch.workingDir,
    env: launch.env,
    labels: input.labels,
    limits: containerLimits(input.limits, settings),
    volumes: volumes(input),
    tmpfs: tmpfs(settings),
    network: 'bots',
    ...(settings.BOT_OCI_RUNTIME === undefined ? {} : { ociRuntime: settings.BOT_OCI_RUNTIME }),
    ...(settings.BOT_APPARMOR_PROFILE === undefined
      ? {}
      : { apparmorProfile: settings.BOT_APPARMOR_PROFILE }),
    ...(seccompProfile === undefined ? {} : { seccompProfile }),
  };
}

/** The operator's side of `botLimits`. */
export const operatorLimits = (
  settings: Pick<
    Settings,
    'BOT_MEMORY_LIMIT_MB' | 'BOT_MEMORY_CEILING_MB' | 'BOT_CPU_LIMIT' | 'BOT_CPU_CEILING' | 'BOT_CPU_SHARES'
  >,
): OperatorLimits => ({
  memoryMb: settings.BOT_MEMORY_LIMIT_MB,
  memoryCeilingMb: settings.BOT_MEMORY_CEILING_MB,
  cpus: settings.BOT_CPU_LIMIT,
  cpuCeiling: settings.BOT_CPU_CEILING,
  cpuShares: settings.BOT_CPU_SHARES,
});

function volumes({ installation, botId, codeVolume }: BotSpecInput): VolumeMount[] {
  const labels = { [LABEL.id]: botId };
  return [
    { volume: codeVolume.name, path: PATHS.code, readOnly: true, labels: codeVolume.labels },
    // Writable, for result.json; the directory is root's, so the bot can neither add files to it nor replace one.
    { volume: launchVolumeName(installation, botId), path: PATHS.run, readOnly: false, labels },
    { volume: stateVolumeName(installation, botId), path: PATHS.state, readOnly: false, labels },
  ];
}

const tmpfs = (settings: BotSpecSettings): TmpfsMount[] => [
  { path: PATHS.work, sizeMb: settings.BOT_WORKDIR_MB, exec: true, mode: 0o755 },
  { path: PATHS.tmp, sizeMb: settings.BOT_TMP_MB, exec: false, mode: 0o1777 },
  { path: PATHS.query, sizeMb: SMALL_TMPFS_MB, exec: false, mode: 0o755 },
  { path: PATHS.var, sizeMb: SMALL_TMPFS_MB, exec: false, mode: 0o755 },
];

function containerLimits(limits: BotLimits, settings: BotSpecSettings): ContainerLimits {
  const io = blockIo(settings);
  return {
    ...limits,
    pids: settings.BOT_PIDS_LIMIT,
    nofile: settings.BOT_NOFILE_LIMIT,
    nproc: settings.BOT_NPROC_LIMIT,
    shmBytes: settings.BOT_SHM_MB * MB,
    ...(io === undefined ? {} : { blockIo: io }),
  };
}

/** Zero means unset; rates without a device have nothing to apply to. */
function blockIo(settings: BotSpecSettings): BlockIo | undefined {
  const { BOT_BLKIO_WEIGHT: weight, BOT_BLKIO_DEVICE: device } = settings;
  const readBps = settings.BOT_BLKIO_READ_MB * MB;
  const writeBps = settings.BOT_BLKIO_WRITE_MB * MB;
  const io: BlockIo = {
    ...(weight === 0 ? {} : { weight }),
    ...(device !== undefined && readBps > 0 ? { readBps } : {}),
    ...(device !== undefined && writeBps > 0 ? { writeBps } : {}),
  };
  if (Object.keys(io).length === 0) return undefined;
  return device === undefined ? io : { ...io, device };
}

import type { Settings } from '../../infra/config/settings.ts';
import type { EngineHostFacts } from '../../infra/engine/audit.ts';
import type { EngineCapabilities } from '../../infra/engine/port.ts';
import { bad, ok, warn, type Check } from './check.ts';

/** What the engine's host can and cannot enforce of what the settings ask for. Pure. */
export function capabilityChecks(host: EngineCapabilities, settings: Settings): Check[] {
  return [
    cgroups(host),
    seccomp(host),
    appArmor(host, settings),
    blockIoWeight(host, settings),
    blockIoRates(host, settings),
    ociRuntimes(host, settings),
    cores(host, settings),
  ];
}

/** What the engine's host has besides. Pure. */
export function engineHostChecks(host: EngineHostFacts, settings: Settings): Check[] {
  return [kernel(host), storageQuota(host, settings), userNamespaces(host)];
}

function kernel({ kernel: version, storageDriver }: EngineHostFacts): Check {
  return ok('kernel', `${version}, images and roots on ${storageDriver}`);
}

function storageQuota({ limitsVolumes }: EngineHostFacts, settings: Settings): Check {
  const name = 'storage quota';
  const measured = `state is measured every ${settings.STATE_CHECK_INTERVAL / 1000} s, and a bot beyond MAX_STATE_SIZE_MB=${settings.MAX_STATE_SIZE_MB} stopped`;
  return limitsVolumes
    ? ok(name, `the engine’s file system has project quotas; ${measured}`)
    : warn(
        name,
        `the engine’s file system has none: ${measured}, so a bot may write a lot in between`,
        'give the engine a disk of its own (XFS with prjquota at best), so that a full one is not the host’s',
      );
}

function userNamespaces({ userNamespaces: remapped, rootless }: EngineHostFacts): Check {
  const name = 'user namespaces';
  if (rootless) return ok(name, 'the engine itself runs without root');
  return ok(
    name,
    remapped
      ? 'root in a container is nobody on the host'
      : 'none: root in a container would be the host’s; bots run as uid 1000 and gain no privileges',
  );
}

function cgroups({ cgroupVersion }: EngineCapabilities): Check {
  const name = 'cgroups';
  return cgroupVersion === 2
    ? ok(name, 'version 2')
    : warn(
        name,
        'version 1: memory, CPU and process limits hold, buffered writes escape block-I/O limits',
        'boot the host with cgroup version 2 (systemd.unified_cgroup_hierarchy=1)',
      );
}

function seccomp(host: EngineCapabilities): Check {
  const name = 'seccomp';
  return host.seccomp
    ? ok(name, 'system calls are filtered')
    : bad(
        name,
        'the engine filters no system calls: bots have the whole kernel before them',
        'use a kernel and an engine built with seccomp',
      );
}

function appArmor(host: EngineCapabilities, { BOT_APPARMOR_PROFILE: profile }: Settings): Check {
  const name = 'AppArmor';
  if (host.apparmor) return ok(name, profile === undefined ? 'the engine’s default profile' : profile);
  const cure = 'enable AppArmor in the host’s kernel and restart the engine';
  return profile === undefined
    ? warn(name, 'the host has none: one guard less around bots', cure)
    : bad(
        name,
        `the host has none, so BOT_APPARMOR_PROFILE=${profile} has no effect`,
        `${cure}, or unset it`,
      );
}

function blockIoWeight(host: EngineCapabilities, { BOT_BLKIO_WEIGHT: weight }: Settings): Check {
  const name = 'block-I/O weight';
  if (host.blockIoWeight) return ok(name, weight === 0 ? 'available, not asked for' : String(weight));
  return weight === 0
    ? ok(name, 'the host cannot enforce it; not asked for')
    : warn(
        name,
        `the host cannot enforce it: BOT_BLKIO_WEIGHT=${weight} has no effect`,
        'use a kernel and an I/O scheduler with weights (BFQ), or unset it',
      );
}

function blockIoRates(host: EngineCapabilities, settings: Settings): Check {
  const name = 'block-I/O rates';
  const { BOT_BLKIO_READ_MB: read, BOT_BLKIO_WRITE_MB: write, BOT_BLKIO_DEVICE: device } = settings;
  const asked = `BOT_BLKIO_READ_MB=${read}, BOT_BLKIO_WRITE_MB=${write}`;
  if (read === 0 && write === 0)
    return ok(
      name,
      host.blockIoRates ? 'available, not asked for' : 'the host cannot enforce them; not asked for',
    );
  if (!host.blockIoRates)
    return warn(
      name,
      `the host cannot enforce them: ${asked} have no effect`,
      'use a kernel with I/O throttling and an engine on this machine, or unset them',
    );
  return device === undefined
    ? warn(name, `${asked} have no effect without a device`, 'set BOT_BLKIO_DEVICE, such as /dev/sda')
    : ok(name, `${asked} on ${device}`);
}

function ociRuntimes(
  { ociRuntimes: found }: EngineCapabilities,
  { BOT_OCI_RUNTIME: wanted }: Settings,
): Check {
  const name = 'OCI runtimes';
  const sandbox = found.includes('runsc') ? '' : ' (no runsc: bots have the host’s kernel before them)';
  const list = `${found.join(', ') || 'none named'}${sandbox}`;
  if (wanted === undefined) return ok(name, `${list}; bots use the engine’s default`);
  return found.includes(wanted)
    ? ok(name, `${list}; bots use ${wanted}`)
    : bad(
        name,
        `the engine has ${list}, but not BOT_OCI_RUNTIME=${wanted}: no bot can start`,
        `register ${wanted} in the engine’s daemon.json, or unset it`,
      );
}

function cores({ cpus }: EngineCapabilities, settings: Settings): Check {
  const name = 'cores';
  const { BOT_CPU_LIMIT: limit, BOT_CPU_CEILING: ceiling } = settings;
  if (limit > cpus)
    return warn(
      name,
      `the host has ${cpus}, so BOT_CPU_LIMIT=${limit} is cut to that: one bot may take all`,
      `set BOT_CPU_LIMIT below ${cpus}`,
    );
  const cut = ceiling > cpus ? `; BOT_CPU_CEILING=${ceiling} is cut to that` : '';
  return ok(name, `${cpus}, BOT_CPU_LIMIT=${limit}${cut}`);
}

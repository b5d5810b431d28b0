import type { Finding, ProbeFacts } from './facts.ts';
import { list, one, reasons } from './judge-confinement.ts';
import { held, missing, open, unknown, type Judged } from './row.ts';

const NO_CAPABILITIES = /^0+$/;
const CAPABILITIES = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
const SECCOMP_FILTER = '2';
const CURE = 'look at what `doctor` says of the engine, and at BOT_SECCOMP_PROFILE';

/** What it could become. Pure. */
export function privilegeRows({ findings }: ProbeFacts): Judged[] {
  return [
    userRow(findings),
    capabilitiesRow(findings),
    statusRow(findings, 'new privileges', 'NoNewPrivs', '1', 'no program gains any'),
    statusRow(findings, 'system calls', 'Seccomp', SECCOMP_FILTER, 'a seccomp filter is in force'),
    attempts(findings, 'set-uid programs', 'set-uid'),
    attempts(findings, 'another user', 'user'),
    attempts(findings, 'ptrace', 'ptrace'),
    attempts(findings, 'mounts', 'mount'),
    attempts(findings, 'namespaces', 'namespace'),
    attempts(findings, 'raw sockets', 'raw socket'),
    attempts(findings, 'the host’s name', 'host'),
    attempts(findings, 'kernel interfaces', 'kernel'),
  ];
}

function userRow(findings: readonly Finding[]): Judged {
  const name = 'user';
  const uid = one(findings, 'status', 'Uid')?.result;
  if (uid === undefined) return unknown(name, 'it was not tried');
  return uid.split(' ').includes('0')
    ? open(name, `it runs as root (${uid})`, CURE)
    : held(name, `uid ${uid.split(' ')[0]}`);
}

function capabilitiesRow(findings: readonly Finding[]): Judged {
  const name = 'capabilities';
  const sets = CAPABILITIES.map((field) => one(findings, 'status', field)).filter(
    (each) => each !== undefined,
  );
  if (sets.length === 0) return unknown(name, 'it was not tried');
  const has = sets.filter(({ result }) => !NO_CAPABILITIES.test(result));
  return has.length === 0
    ? held(name, 'none, and none to be had')
    : open(name, has.map(({ what, result }) => `${what} ${result}`).join(', '), CURE);
}

function statusRow(
  findings: readonly Finding[],
  name: string,
  field: string,
  wanted: string,
  good: string,
): Judged {
  const found = one(findings, 'status', field)?.result;
  if (found === undefined || found === '') return unknown(name, `the kernel does not tell ${field}`);
  return found === wanted ? held(name, good) : open(name, `${field} is ${found}, not ${wanted}`, CURE);
}

function attempts(findings: readonly Finding[], name: string, probe: string): Judged {
  const tried = findings.filter((finding) => finding.probe === probe);
  const gained = tried.filter(({ result }) => result === 'gained');
  if (gained.length > 0)
    return open(
      name,
      gained.map(({ what, detail }) => (detail === '' ? what : `${what} (${detail})`)).join(', '),
      CURE,
    );
  if (tried.length === 0) return unknown(name, 'it was not tried');
  const refused = tried.filter(({ result }) => result === 'refused');
  return refused.length === 0
    ? held(name, reasons(tried))
    : held(name, `${list(refused)}: ${reasons(refused)}`);
}

/** What of the host's features stands behind all that. Pure. */
export function featureRows({ capabilities, host, confinement, filter }: ProbeFacts): Judged[] {
  return [
    // Where it cannot be looked at, or is somebody else's, what was reached says all.
    ...(filter.inForce === undefined
      ? []
      : [
          filter.inForce
            ? held('egress filter', filter.reason)
            : missing(
                'egress filter',
                `not in force: ${filter.reason}`,
                '`npx the0-runtime network setup`, as root',
              ),
        ]),
    capabilities.cgroupVersion === 2
      ? held('control groups', 'version 2')
      : missing(
          'control groups',
          'version 1: buffered writes escape block-I/O limits, and the container sees the host’s groups',
          'boot the host with cgroup version 2',
        ),
    confinement.apparmor !== undefined
      ? held('AppArmor', confinement.apparmor)
      : missing(
          'AppArmor',
          capabilities.apparmor ? 'the container runs unconfined' : 'the host has none',
          'enable it in the host’s kernel and restart the engine',
        ),
    capabilities.ociRuntimes.includes('runsc')
      ? held('a kernel of its own', 'runsc is registered; BOT_OCI_RUNTIME=runsc uses it')
      : missing(
          'a kernel of its own',
          'runsc is not registered: bots have the host’s kernel before them',
          'install gVisor, register runsc in daemon.json, and set BOT_OCI_RUNTIME=runsc',
        ),
    host.userNamespaces || host.rootless
      ? held('user namespaces', 'root in a container is nobody on the host')
      : missing(
          'user namespaces',
          'none: root in a container, which bots cannot become, would be the host’s',
          'set userns-remap in daemon.json',
        ),
    host.limitsVolumes
      ? held('storage quota', 'the engine’s file system has project quotas')
      : missing(
          'storage quota',
          'the engine’s file system has none: state is measured instead',
          'give the engine a disk of its own, XFS with prjquota at best',
        ),
  ];
}

import type { Confinement, EngineHostFacts, MountFact } from '../audit.ts';
import { bridgeName, networkName } from '../names.ts';
import type { CallOptions, Engine } from '../port.ts';
import type { FakeContainer } from './container.ts';
import type { FakeHost } from './host.ts';

type Audits = Pick<Engine, 'confinement' | 'hostFacts'>;

/** The addresses that every fake network says it has. */
export const FAKE_SUBNET = '172.31.0.0/16';
const FAKE_GATEWAY = '172.31.0.1';

/** What a real engine makes of a spec. `own`: undefined if it is gone; throws for another installation's. */
export function auditCalls(
  host: FakeHost,
  installation: string,
  own: (id: string) => FakeContainer | undefined,
): Audits {
  const { faults } = host;
  const call = <T>(name: 'confinement' | 'hostFacts', { signal }: CallOptions, work: () => T): Promise<T> =>
    faults.around(name, signal, work);
  return {
    confinement: (id, options = {}) =>
      call('confinement', options, () => {
        const container = own(id);
        return container === undefined ? undefined : confinementOf(container);
      }),
    hostFacts: (options = {}) =>
      call('hostFacts', options, (): EngineHostFacts => ({
        kernel: 'fake',
        memoryBytes: 64 * 2 ** 30,
        storageDriver: 'memory',
        limitsVolumes: false,
        selinux: false,
        userNamespaces: false,
        rootless: false,
        clustered: false,
        ...(host.networks.has(installation)
          ? {
              botNetwork: {
                bridge: bridgeName(installation),
                subnets: [FAKE_SUBNET],
                gateway: FAKE_GATEWAY,
              },
            }
          : {}),
      })),
  };
}

function confinementOf({ spec, installation }: FakeContainer): Confinement {
  const { limits, network } = spec;
  const mounts: MountFact[] = [
    ...spec.volumes.map(({ volume, path, readOnly }): MountFact => ({
      type: 'volume',
      source: volume,
      path,
      readOnly,
      shared: false,
    })),
    ...spec.tmpfs.map(({ path }): MountFact => ({
      type: 'tmpfs',
      source: '',
      path,
      readOnly: false,
      shared: false,
    })),
  ];
  return {
    name: spec.name,
    user: '1000:1000',
    privileged: false,
    readOnlyRoot: spec.readOnlyRoot !== false,
    capabilitiesAdded: [],
    capabilitiesDropped: ['ALL'],
    noNewPrivileges: true,
    seccomp: spec.seccompProfile === undefined ? 'default' : 'custom',
    sharesWithHost: [],
    memoryBytes: limits.memoryBytes,
    memoryAndSwapBytes: limits.memoryBytes,
    cpuShares: limits.cpuShares,
    pids: limits.pids,
    ulimits: [...(limits.fileBytes === undefined ? [] : ['fsize']), 'nofile', 'nproc'],
    mounts: mounts.sort((a, b) => (a.path < b.path ? -1 : 1)),
    devices: [],
    ports: [],
    restart: 'no',
    healthCheck: false,
    networks: [
      network === 'bots' ? networkName(installation) : network === 'none' ? 'none' : network.internal,
    ],
    defaultNetwork: false,
  };
}

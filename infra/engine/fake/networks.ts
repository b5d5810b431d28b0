import { LABEL } from '../../../model/labels.ts';
import { EngineRefused } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import { internalBridgeName, requireOwnName } from '../names.ts';
import type { Engine } from '../port.ts';
import type { FakeHost } from './host.ts';

type InternalNetworks = Pick<
  Engine,
  'ensureInternalNetwork' | 'listInternalNetworks' | 'removeInternalNetwork' | 'joinInternalNetwork'
>;

/** The internal networks of a fake engine. */
export function networkCalls(host: FakeHost, installation: string): InternalNetworks {
  const { faults } = host;
  const isOurs = (name: string): boolean => host.internalNetworks.get(name)?.installation === installation;
  return {
    ensureInternalNetwork: (name, { signal, shared = false } = {}) =>
      faults.around('ensureInternalNetwork', signal, () => {
        requireOwnName('network', installation, name);
        const existing = host.internalNetworks.get(name);
        if (existing !== undefined && existing.shared !== shared)
          throw new EngineRefused(`The network ${name} is of another kind: remove it, and it is made anew`);
        host.internalNetworks.set(name, { installation, shared });
        return { name, bridge: internalBridgeName(name) };
      }),
    listInternalNetworks: ({ signal } = {}) =>
      faults.around('listInternalNetworks', signal, () => [...host.internalNetworks.keys()].filter(isOurs)),
    removeInternalNetwork: (name, { signal } = {}) =>
      faults.around('removeInternalNetwork', signal, () => {
        requireOwnName('network', installation, name);
        const attached = [...host.containers.values()].filter(
          (container) => container.state === 'running' && container.networks.has(name),
        );
        if (attached.some((container) => container.installation === installation)) return false;
        for (const container of attached) container.networks.delete(name);
        host.internalNetworks.delete(name);
        return true;
      }),
    joinInternalNetwork: (name, containerId, { signal } = {}) =>
      faults.around('joinInternalNetwork', signal, () => {
        requireOwnName('network', installation, name);
        const container = host.require(requireContainerId(containerId));
        const kind = container.labels[LABEL.kind];
        if (kind !== undefined && kind !== 'query')
          throw new EngineRefused(`Container ${containerId} is a ${kind}: it joins no other network`);
        if (!isOurs(name))
          throw new EngineRefused(`There is no network ${name} of installation ${installation}`);
        host.attach(container, name);
      }),
  };
}

import { LABEL } from '../../../model/labels.ts';
import { ContainerMissing, EngineFailed, EngineRefused } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import { ownLabels } from '../labels.ts';
import { internalBridgeName, requireOwnName } from '../names.ts';
import type { CallOptions, Engine } from '../port.ts';
import { freeSubnet } from '../subnets.ts';
import type { InspectAnswer, NetworkAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { DockerRefusal, hasStatus, isNoSuchContainer, plainRefusal } from './failures.ts';
import { findOrMake } from './make-network.ts';

type InternalNetworks = Pick<
  Engine,
  'ensureInternalNetwork' | 'listInternalNetworks' | 'removeInternalNetwork' | 'joinInternalNetwork'
>;

const BRIDGE_OPTION = 'com.docker.network.bridge.name';
const ICC_OPTION = 'com.docker.network.bridge.enable_icc';
const HOSTLESS_OPTION = 'com.docker.network.bridge.inhibit_ipv4';
/** `the0.kind` of such a network. */
const INTERNAL = 'internal';
/** Of a network that one container has, with room for those that ask it. */
const SMALL_BITS = 29;
/** Of the one that many containers share: a thousand. */
const SHARED_BITS = 22;
type Kind = { shared: boolean };

export function internalNetworkCalls(context: DockerContext, pool: string): InternalNetworks {
  const { client, installation } = context;

  const ensureInternalNetwork: InternalNetworks['ensureInternalNetwork'] = async (name, options = {}) => {
    requireOwnName('network', installation, name);
    const kind = { shared: options.shared === true };
    // Also what no network that is listed has: the engine may keep the addresses of one that it is making or lost.
    const refused: string[] = [];
    let networks: NetworkAnswer[] = [];
    return findOrMake({
      name,
      find: async () => {
        networks = await all(options);
        return own(networks, name, kind);
      },
      make: (lost) => {
        const subnet = subnetFor(networks, kind, refused);
        if (lost > 0) refused.push(subnet);
        return createNetwork(name, subnet, kind, options);
      },
      signal: options.signal,
    });
  };

  const listInternalNetworks: InternalNetworks['listInternalNetworks'] = async (options = {}) =>
    (await all(options)).filter(isOurs).map((network) => network.Name);

  const removeInternalNetwork: InternalNetworks['removeInternalNetwork'] = async (name, options = {}) => {
    requireOwnName('network', installation, name);
    const network = await inspect(name, options);
    if (network === undefined) return true;
    if (!isOurs(network))
      throw new EngineRefused(`The network ${name} is not of installation ${installation}`);
    const attached = Object.keys(network.Containers ?? {});
    for (const id of attached) if (await isOwnContainer(id, options)) return false;
    // What was joined to it, the query server's own container, is of no use there any more.
    for (const id of attached) await leave(name, id, options);
    try {
      await client.run({
        method: 'DELETE',
        path: `/networks/${name}`,
        doing: `remove the network ${name}`,
        signal: options.signal,
      });
      return true;
    } catch (error) {
      if (hasStatus(error, 404)) return true;
      if (error instanceof DockerRefusal && /active endpoints/i.test(error.detail)) return false;
      throw plainRefusal(error);
    }
  };

  const joinInternalNetwork: InternalNetworks['joinInternalNetwork'] = async (
    name,
    containerId,
    options = {},
  ) => {
    requireOwnName('network', installation, name);
    requireContainerId(containerId);
    const container = await inspectContainer(containerId, options);
    if (container === undefined) throw new ContainerMissing(containerId);
    const kind = container.Config.Labels?.[LABEL.kind];
    if (kind !== undefined && kind !== 'query')
      throw new EngineRefused(`Container ${containerId} is a ${kind}: it joins no other network`);
    const network = await inspect(name, options);
    if (network === undefined || !isOurs(network))
      throw new EngineRefused(`There is no network ${name} of installation ${installation}`);
    if (container.NetworkSettings?.Networks?.[name] !== undefined) return;
    try {
      await client.run({
        method: 'POST',
        path: `/networks/${name}/connect`,
        body: { Container: containerId },
        doing: `join the network ${name}`,
        signal: options.signal,
      });
    } catch (error) {
      if (error instanceof DockerRefusal && /already exists in network/i.test(error.detail)) return;
      throw plainRefusal(error);
    }
  };

  async function leave(name: string, containerId: string, options: CallOptions): Promise<void> {
    try {
      await client.run({
        method: 'POST',
        path: `/networks/${name}/disconnect`,
        body: { Container: containerId, Force: true },
        doing: `leave the network ${name}`,
        signal: options.signal,
      });
    } catch (error) {
      if (!hasStatus(error, 404)) throw plainRefusal(error);
    }
  }

  async function isOwnContainer(id: string, options: CallOptions): Promise<boolean> {
    const container = await inspectContainer(id, options);
    return container?.Config.Labels?.[LABEL.installation] === installation;
  }

  async function inspectContainer(id: string, options: CallOptions): Promise<InspectAnswer | undefined> {
    try {
      return await client.json<InspectAnswer>({
        method: 'GET',
        path: `/containers/${id}/json`,
        doing: 'inspect a container',
        signal: options.signal,
      });
    } catch (error) {
      if (isNoSuchContainer(error)) return undefined;
      throw plainRefusal(error);
    }
  }

  async function inspect(name: string, options: CallOptions): Promise<NetworkAnswer | undefined> {
    try {
      return await client.json<NetworkAnswer>({
        method: 'GET',
        path: `/networks/${name}`,
        doing: 'inspect a network',
        signal: options.signal,
      });
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw plainRefusal(error);
    }
  }

  async function all(options: CallOptions): Promise<NetworkAnswer[]> {
    try {
      return await client.json<NetworkAnswer[]>({
        method: 'GET',
        path: '/networks',
        doing: 'list networks',
        signal: options.signal,
      });
    } catch (error) {
      throw plainRefusal(error);
    }
  }

  const isOurs = (network: NetworkAnswer): boolean =>
    network.Labels?.[LABEL.installation] === installation && network.Labels[LABEL.kind] === INTERNAL;

  /** Throws `EngineRefused` for a network of that name which is not the one we would have made. */
  function own(
    networks: readonly NetworkAnswer[],
    name: string,
    { shared }: Kind,
  ): { name: string; bridge: string } | undefined {
    const network = networks.find((candidate) => candidate.Name === name);
    if (network === undefined) return undefined;
    const bridge = internalBridgeName(name);
    const options = network.Options ?? {};
    const problem = !isOurs(network)
      ? `does not belong to installation ${installation}`
      : network.Internal !== true
        ? 'reaches the world'
        : options[BRIDGE_OPTION] !== bridge || options[HOSTLESS_OPTION] !== String(!shared)
          ? 'is of another kind'
          : shared && options[ICC_OPTION] !== 'false'
            ? 'lets containers talk to each other'
            : undefined;
    if (problem !== undefined)
      throw new EngineRefused(
        `The network ${name} ${problem}: remove it ("docker network rm ${name}"), and it is made anew`,
      );
    return { name, bridge };
  }

  function subnetFor(
    networks: readonly NetworkAnswer[],
    { shared }: Kind,
    refused: readonly string[],
  ): string {
    const taken = networks.flatMap((network) =>
      (network.IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet === undefined ? [] : [Subnet])),
    );
    const subnet = freeSubnet(pool, shared ? SHARED_BITS : SMALL_BITS, [...taken, ...refused]);
    if (subnet === undefined) throw new EngineFailed(`No address is left for a network in ${pool}`);
    return subnet;
  }

  /**
   * A shared one lets no two containers talk, and the host has an address in it, by which it asks them. In a small one there
   * is one container and who was joined to it; the host has no address there, so nothing of the host can be reached.
   */
  function createNetwork(
    name: string,
    subnet: string,
    { shared }: Kind,
    options: CallOptions,
  ): Promise<unknown> {
    return client.json({
      method: 'POST',
      path: '/networks/create',
      body: {
        Name: name,
        CheckDuplicate: true,
        Driver: 'bridge',
        EnableIPv6: false,
        Internal: true,
        Attachable: false,
        IPAM: { Config: [{ Subnet: subnet }] },
        Labels: ownLabels(installation, {}, { [LABEL.kind]: INTERNAL }),
        Options: {
          [BRIDGE_OPTION]: internalBridgeName(name),
          [ICC_OPTION]: String(!shared),
          [HOSTLESS_OPTION]: String(!shared),
        },
      },
      doing: `create the network ${name}`,
      signal: options.signal,
    });
  }

  return { ensureInternalNetwork, listInternalNetworks, removeInternalNetwork, joinInternalNetwork };
}

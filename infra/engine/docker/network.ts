import { LABEL } from '../../../model/labels.ts';
import { EngineRefused } from '../errors.ts';
import { ownLabels } from '../labels.ts';
import { bridgeName, networkName } from '../names.ts';
import type { CallOptions, Engine } from '../port.ts';
import type { NetworkAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { hasStatus, plainRefusal } from './failures.ts';
import { findOrMake } from './make-network.ts';

type Networks = Pick<Engine, 'ensureNetwork' | 'removeNetwork'>;

const BRIDGE_OPTION = 'com.docker.network.bridge.name';
const ICC_OPTION = 'com.docker.network.bridge.enable_icc';

export function networkCalls(context: DockerContext): Networks {
  const { client, installation } = context;
  const name = networkName(installation);
  const bridge = bridgeName(installation);

  const ensureNetwork: Networks['ensureNetwork'] = (options = {}) =>
    findOrMake({
      name,
      find: () => find(options),
      make: () => createNetwork(options),
      signal: options.signal,
    });

  const removeNetwork: Networks['removeNetwork'] = async (options = {}) => {
    if ((await find(options)) === undefined) return;
    try {
      await client.run({
        method: 'DELETE',
        path: `/networks/${name}`,
        doing: 'remove the network',
        signal: options.signal,
      });
    } catch (error) {
      if (!hasStatus(error, 404)) throw plainRefusal(error);
    }
  };

  function createNetwork(options: CallOptions): Promise<unknown> {
    return client.json({
      method: 'POST',
      path: '/networks/create',
      body: {
        Name: name,
        CheckDuplicate: true,
        Driver: 'bridge',
        EnableIPv6: false,
        Internal: false,
        Attachable: false,
        Labels: ownLabels(installation, {}),
        Options: { [BRIDGE_OPTION]: bridge, [ICC_OPTION]: 'false' },
      },
      doing: 'create the network',
      signal: options.signal,
    });
  }

  /** Throws `EngineRefused` for a network of that name which is not the one we would have made. */
  async function find(
    options: CallOptions,
  ): Promise<{ name: string; bridge: string; subnets: string[] } | undefined> {
    const networks = await client
      .json<NetworkAnswer[]>({
        method: 'GET',
        path: '/networks',
        // Docker's filter finds parts of names too.
        query: { filters: JSON.stringify({ name: [name] }) },
        doing: 'list networks',
        signal: options.signal,
      })
      .catch((error: unknown) => {
        throw plainRefusal(error);
      });
    const network = networks.find((candidate) => candidate.Name === name);
    if (network === undefined) return undefined;
    const problem = problemOf(network);
    if (problem !== undefined)
      throw new EngineRefused(
        `The network ${name} ${problem}: remove it ("docker network rm ${name}"), and it is made anew`,
      );
    const subnets = (network.IPAM?.Config ?? []).flatMap((range) =>
      range.Subnet === undefined ? [] : [range.Subnet],
    );
    return { name, bridge, subnets };
  }

  function problemOf(network: NetworkAnswer): string | undefined {
    if (network.Labels?.[LABEL.installation] !== installation)
      return `does not belong to installation ${installation}`;
    if (network.Options?.[ICC_OPTION] !== 'false') return 'lets containers talk to each other';
    if (network.Options?.[BRIDGE_OPTION] !== bridge)
      return `is not on the bridge ${bridge}, which the egress rules match`;
    if (network.EnableIPv6 === true) return 'has IPv6, which the egress rules do not filter';
    return undefined;
  }

  return { ensureNetwork, removeNetwork };
}

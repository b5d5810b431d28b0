import type { ContainerDetail, ContainerSpec } from '../../infra/engine/port.ts';
import type { QueryContainerDocument } from '../../infra/mongo/collections.ts';
import type { BotDocument } from '../../model/bots.ts';
import { networkName } from '../../infra/engine/names.ts';
import { ownQueryNetwork, sharedQueryNetwork } from '../../model/names.ts';

/** Where a bot's query container is, and by which network the query server reaches it. */
export type QueryNetworks = {
  network: ContainerSpec['network'];
  /** Besides: where it may go out, the query server does not come in by the bots' network. */
  second?: string;
  /** An internal network that has to be there; `shared`: with all other query containers. */
  internal?: { name: string; shared: boolean };
  /** Name of the network by which it is asked. */
  askedBy: string;
};

/**
 * A query server on the host reaches every container from there, so all share one network, in which none reaches another.
 * One in a container has to be in the network itself, so each bot has its own, and no two meet. Pure.
 */
export function queryNetworks(
  installation: string,
  bot: Pick<BotDocument, 'id' | 'config'>,
  record: Pick<QueryContainerDocument, 'servers'>,
): QueryNetworks {
  const outside = bot.config?.['query_internet'] === true;
  if ((record.servers ?? []).length === 0) {
    const shared = sharedQueryNetwork(installation);
    return outside
      ? { network: 'bots', askedBy: networkName(installation) }
      : { network: { internal: shared }, internal: { name: shared, shared: true }, askedBy: shared };
  }
  const own = ownQueryNetwork(installation, bot.id);
  const internal = { name: own, shared: false };
  return outside
    ? { network: 'bots', second: own, internal, askedBy: own }
    : { network: { internal: own }, internal, askedBy: own };
}

/** Whether a container is where it should be. */
export const isOn = (container: ContainerDetail, networks: QueryNetworks, installation: string): boolean =>
  container.addresses[networks.askedBy] !== undefined &&
  (networks.network === 'bots') === (container.addresses[networkName(installation)] !== undefined);

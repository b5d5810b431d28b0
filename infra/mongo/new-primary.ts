import type { MongoClient, TopologyDescription } from 'mongodb';

/** Why everything is looked at then. */
export const NEW_PRIMARY = 'MongoDB has elected a primary anew';

type Emitter = Pick<MongoClient, 'on' | 'off'>;

/**
 * Calls back whenever the replica set has elected a primary anew. Neither a change stream nor a command needs to fail for
 * that: the driver tries again by itself, and a cursor may outlive the election.
 */
export function onNewPrimary(client: Emitter, callback: () => void): Disposable {
  let known: string | undefined;
  const look = (event: { previousDescription: TopologyDescription; newDescription: TopologyDescription }) => {
    known ??= electionOf(event.previousDescription);
    const now = electionOf(event.newDescription);
    if (now === undefined || now === known) return;
    const first = known === undefined;
    known = now;
    if (!first) callback();
  };
  client.on('topologyDescriptionChanged', look);
  return {
    [Symbol.dispose]() {
      client.off('topologyDescriptionChanged', look);
    },
  };
}

/** Names the election that the primary was made by; undefined while none is known. */
function electionOf({ servers }: TopologyDescription): string | undefined {
  for (const { address, electionId } of servers.values())
    if (electionId !== null) return `${address} ${electionId.toHexString()}`;
  return undefined;
}

/** The contract's values of `runtime.type`. */
export type ContainerKindLabel = 'realtime' | 'scheduled' | 'query';

/** Names of what the engine holds: functions of installation and id alone, so that the engine refuses a second. */
export const containerName = (installation: string, botId: string): string => `${installation}_bot_${botId}`;

/** Small volume of a bot's current launch: its config, launcher and result. */
export const launchVolumeName = (installation: string, botId: string): string =>
  `${installation}_launch_${botId}`;

/** A bot's `/state`. */
export const stateVolumeName = (installation: string, botId: string): string =>
  `${installation}_state_${botId}`;

/** A run's container: schedule and nominal time (or request), so that the engine refuses a second. `runId`: `model/runs.ts`. */
export const runContainerName = (installation: string, runId: string): string =>
  `${installation}_run_${runId.replace('@', '_')}`;

/** Small volume of a run's present attempt. */
export const runLaunchVolumeName = (installation: string, runId: string): string =>
  `${installation}_runlaunch_${runId.replace('@', '_')}`;

/** The container that answers a bot's queries; with `request`, the one that is run for that query alone. */
export const queryContainerName = (installation: string, botId: string, request?: string): string =>
  `${installation}_query_${botId}${request === undefined ? '' : `_${request}`}`;

/** Small volume of a query container: config, launcher and, of a single query, its result. */
export const queryLaunchVolumeName = (installation: string, botId: string, request?: string): string =>
  `${installation}_querylaunch_${botId}${request === undefined ? '' : `_${request}`}`;

/** Where the query server runs on the host, the network of all query containers. */
export const sharedQueryNetwork = (installation: string): string => `${installation}_queries`;

const QUERY_NETWORK = '_querynet_';

/** Where it runs in a container, the network of one bot's. */
export const ownQueryNetwork = (installation: string, botId: string): string =>
  `${installation}${QUERY_NETWORK}${botId}`;

/** The bot of such a network. */
export const botOfQueryNetwork = (installation: string, network: string): string | undefined => {
  const start = ownQueryNetwork(installation, '');
  return network.startsWith(start) ? network.slice(start.length) : undefined;
};

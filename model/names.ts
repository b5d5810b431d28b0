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

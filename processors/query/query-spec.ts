import type { Settings } from '../../infra/config/settings.ts';
import type { ContainerSpec } from '../../infra/engine/port.ts';
import type { BotConfig } from '../../model/bots.ts';
import { LABEL } from '../../model/labels.ts';
import { botLimits, type BotLimits } from '../../model/limits.ts';
import { queryContainerName, queryLaunchVolumeName } from '../../model/names.ts';
import { botSpec, operatorLimits, type BotSpecInput } from '../bot-spec.ts';
import { PATHS } from '../entrypoints/paths.ts';
import { StartProblem } from '../errors.ts';

/** `the0.kind` of a query container's launch volume. */
export const QUERY_LAUNCH_VOLUME = 'query-launch';

export type QuerySpecInput = BotSpecInput & {
  network: ContainerSpec['network'];
  /** Of a container that is run for one query alone. */
  request?: string;
};

/** A query container: as the bot's own, but its state cannot be written, and its name, memory and network are others. Pure. */
export function querySpec(input: QuerySpecInput): ContainerSpec {
  const { installation, botId, request, network } = input;
  const spec = botSpec(input);
  const launchVolume = {
    volume: queryLaunchVolumeName(installation, botId, request),
    labels: { [LABEL.id]: botId, [LABEL.kind]: QUERY_LAUNCH_VOLUME },
  };
  return {
    ...spec,
    name: queryContainerName(installation, botId, request),
    kind: 'query',
    network,
    volumes: spec.volumes.map((mount) => {
      if (mount.path === PATHS.run) return { ...mount, ...launchVolume };
      return mount.path === PATHS.state ? { ...mount, readOnly: true } : mount;
    }),
  };
}

/** The same with a state that can be written: for the container that makes a new state volume the bot's. */
export function withWritableState(spec: ContainerSpec): ContainerSpec {
  return {
    ...spec,
    volumes: spec.volumes.map((mount) =>
      mount.path === PATHS.state ? { ...mount, readOnly: false } : mount,
    ),
  };
}

/** A bot's own CPU limits, and memory by `config.query_memory_limit`. Throws `StartProblem`. */
export function queryLimits(
  config: BotConfig,
  settings: Pick<Settings, 'QUERY_MEMORY_LIMIT_MB'> & Parameters<typeof operatorLimits>[0],
): BotLimits {
  const { query_memory_limit, cpu_limit, cpu_request } = config;
  const limits = botLimits(
    { memory_limit: query_memory_limit, cpu_limit, cpu_request },
    { ...operatorLimits(settings), memoryMb: settings.QUERY_MEMORY_LIMIT_MB },
  );
  if (limits.ok) return limits.limits;
  const reason = limits.problems.join('; ').replaceAll('config.memory_limit', 'config.query_memory_limit');
  throw new StartProblem('bad_limits', reason, { retryable: false });
}

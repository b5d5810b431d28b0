import type { Environment } from '../../infra/config/load.ts';
import type { SettingDefinition } from '../../infra/config/define.ts';
import { SETTINGS } from '../../infra/config/settings.ts';
import { isPortFree } from '../../infra/local/ports.ts';

/** All settings of an environment under any of their names: what another process needs to reach the same servers. */
export function settingsOf(environment: Environment): Record<string, string> {
  const names = Object.entries(SETTINGS as Record<string, SettingDefinition>).flatMap(
    ([name, { aliases = [], secret }]) =>
      [name, ...aliases].flatMap((each) => (secret === true ? [each, `${each}_FILE`] : [each])),
  );
  const found = names
    .map((name) => [name, environment[name]] as const)
    .filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  return Object.fromEntries(found);
}

/** The port of a setting: as the person set it, else its usual one, else (where that is taken) 0 for any free one. */
export async function portFor(
  name: 'HEALTH_PORT' | 'CONTROL_PORT' | 'GRPC_PORT' | 'QUERY_SERVER_PORT',
  environment: Environment,
  usual: number,
): Promise<number> {
  const { aliases = [] }: SettingDefinition = SETTINGS[name];
  if ([name, ...aliases].some((each) => (environment[each] ?? '') !== '')) return usual;
  return (await isPortFree(usual)) ? usual : 0;
}

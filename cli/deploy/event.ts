import type { BotConfigFile } from './bot-config.ts';
import { CliError } from '../errors.ts';
import { customBotId } from './id.ts';

/** Owner of what `deploy` uploads: the platform has its users' ids here. */
export const LOCAL_OWNER = 'local';

/** The bucket key of a version's code (contract §2.3). */
export const codeKey = (config: Pick<BotConfigFile, 'name' | 'version'>): string =>
  `${LOCAL_OWNER}/${config.name}/${config.version}`;

export type Definition = {
  file: BotConfigFile;
  /** Content of the file that `readme` names. */
  readme?: string;
  /** Parsed content of the file that `schema.bot` names. */
  schema?: unknown;
  hasFrontend: boolean;
};

export type EventKind = 'created' | 'updated' | 'deleted';

/** The instance's configuration with what the platform adds. @throws CliError where it contradicts the definition. */
export function instanceConfig(
  file: BotConfigFile,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const type = `${file.type}/${file.name}`;
  if (given['type'] !== undefined && given['type'] !== type)
    throw new CliError(
      `type: ${JSON.stringify(given['type'])} in the instance’s configuration must be "${type}", after bot-config.yaml; or leave it out`,
    );
  if (given['version'] !== undefined && given['version'] !== file.version)
    throw new CliError(
      `version: ${JSON.stringify(given['version'])} in the instance’s configuration must be "${file.version}", after bot-config.yaml; or leave it out`,
    );
  const config = { name: file.name, ...given, type, version: file.version };
  if (file.type === 'scheduled' && typeof (config as Record<string, unknown>)['schedule'] !== 'string')
    throw new CliError(
      'schedule: is missing in the instance’s configuration; a scheduled bot needs one, such as "*/5 * * * *"',
    );
  return { ...config, customBotId: customBotId(LOCAL_OWNER, file.name) };
}

/** The subject on which the platform announces this (contract §2.2). */
export function subjectOf(type: string, kind: EventKind): string {
  if (type === 'event')
    throw new CliError(
      'type: "event" bots are accepted by the platform and run by nobody; use realtime or scheduled',
    );
  return `the0.${type === 'scheduled' ? 'bot-schedule' : 'bot'}.${kind}`;
}

/** Payload of `created` and `updated` (contract §2.3). */
export function deployedPayload(
  id: string,
  config: Record<string, unknown>,
  definition: Definition,
  nowIso: string,
): object {
  const { file, readme, schema, hasFrontend } = definition;
  const { schema: _path, readme: _file, hasFrontend: _given, ...fields } = file;
  return {
    id,
    config,
    custom: {
      config: {
        ...fields,
        ...(readme === undefined ? {} : { readme }),
        ...(schema === undefined ? {} : { schema: { bot: schema } }),
        hasFrontend,
      },
      createdAt: nowIso,
      updatedAt: nowIso,
      filePath: codeKey(file),
      version: file.version,
    },
  };
}

/** Payload of `deleted` (contract §2.4): no `custom`, no `customBotId`. */
export function deletedPayload(id: string, stored: Readonly<Record<string, unknown>> | undefined): object {
  const { customBotId: _dropped, ...config } = stored ?? {};
  return { id, config };
}

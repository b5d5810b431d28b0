import { canonicalJson } from '../../model/canonical.ts';
import type { BotCustom, BotDefinition, BotDocument } from '../../model/bots.ts';
import type { BotEvent } from './parse.ts';

/** What the contract keeps of a definition (§3.2); `hasFrontend` and whatever else comes is left out. */
const DEFINITION_FIELDS = [
  'name',
  'description',
  'runtime',
  'version',
  'author',
  'type',
  'entrypoints',
  'schema',
  'readme',
  'metadata',
] as const satisfies readonly (keyof BotDefinition)[];

/** The part of a document that an event decides; everything else in it is left alone. */
export type EventContent = { config: Readonly<Record<string, unknown>>; custom: BotCustom };

export function contentOf(event: Exclude<BotEvent, { kind: 'deleted' }>): EventContent {
  const { version, filePath, createdAt, updatedAt, config } = event.custom;
  return {
    config: event.config,
    custom: {
      ...(version === undefined ? {} : { version }),
      ...(config === undefined ? {} : { config: definitionOf(config) }),
      ...(filePath === undefined ? {} : { filePath }),
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(updatedAt === undefined ? {} : { updatedAt }),
    },
  };
}

function definitionOf(config: Readonly<Record<string, unknown>>): BotDefinition {
  return Object.fromEntries(
    DEFINITION_FIELDS.filter((field) => config[field] !== undefined).map((field) => [field, config[field]]),
  );
}

/** Whether a stored document says the same already, in whatever order a database keeps its keys. */
export function sameContent(stored: Pick<BotDocument, 'config' | 'custom'>, content: EventContent): boolean {
  return (
    canonicalJson(stored.config) === canonicalJson(content.config) &&
    canonicalJson(stored.custom) === canonicalJson(content.custom)
  );
}

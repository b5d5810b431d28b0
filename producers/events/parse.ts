import { botIdProblem } from '../../model/bots.ts';
import type { EventFamily } from './family.ts';
import { storageProblem } from '../../infra/mongo/storable.ts';

export type EventKind = 'created' | 'updated' | 'deleted';

export type JsonObject = Record<string, unknown>;

/** `custom` of an event, its known fields checked (contract §2.3); others are ignored. */
export type EventCustom = {
  version?: string;
  filePath?: string;
  createdAt?: string;
  updatedAt?: string;
  config?: JsonObject;
};

export type BotEvent =
  | { kind: 'created' | 'updated'; botId: string; config: JsonObject; custom: EventCustom }
  | { kind: 'deleted'; botId: string };

export type ParsedEvent = { event: BotEvent } | { poison: string };

/**
 * Largest message that is read. A configuration of 1 MB is no poison: it is stored, and planning refuses it with a
 * reason that its owner sees. Beyond this, a document could outgrow MongoDB’s 16 MB.
 */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;

/** Reads a message of the family: its flat shape, or the envelope that carries the same under `data`. */
export function parseEvent(family: EventFamily, subject: string, payload: Uint8Array): ParsedEvent {
  const kind = (Object.keys(family.subjects) as EventKind[]).find(
    (known) => family.subjects[known] === subject,
  );
  if (kind === undefined)
    return { poison: `subject ${subject} is none of ${Object.values(family.subjects).join(', ')}` };
  if (payload.length > MAX_EVENT_BYTES)
    return { poison: `message has ${payload.length} bytes; at most ${MAX_EVENT_BYTES} are read` };
  const decoded = decode(payload);
  if ('poison' in decoded) return decoded;
  const body = unwrap(decoded.object);

  const idProblem = body['id'] === undefined ? 'id is missing' : botIdProblem(body['id']);
  if (idProblem !== undefined) return { poison: idProblem.slice(0, 400) };
  const botId = body['id'] as string;
  if (kind === 'deleted') return { event: { kind, botId } };

  const { config, custom } = body;
  if (!isObject(config)) return { poison: `config must be an object, not ${typeName(config)}` };
  if (!isObject(custom)) return { poison: `custom must be an object, not ${typeName(custom)}` };
  const problem =
    customProblem(custom) ?? storageProblem(config, 'config') ?? storageProblem(custom, 'custom');
  if (problem !== undefined) return { poison: problem };
  return { event: { kind, botId, config, custom: custom } };
}

function decode(payload: Uint8Array): { object: JsonObject } | { poison: string } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    return { poison: 'message is not UTF-8' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold an exchange key.
    return { poison: 'message is not JSON' };
  }
  return isObject(value)
    ? { object: value }
    : { poison: `message must be a JSON object, not ${typeName(value)}` };
}

/** As the reference: the envelope counts only where the flat shape has no id. */
function unwrap(object: JsonObject): JsonObject {
  const flat = object['id'] !== undefined && object['id'] !== '';
  return !flat && isObject(object['data']) ? object['data'] : object;
}

function customProblem(custom: JsonObject): string | undefined {
  for (const field of ['version', 'filePath', 'createdAt', 'updatedAt']) {
    const value = custom[field];
    if (value !== undefined && typeof value !== 'string')
      return `custom.${field} must be a string, not ${typeName(value)}`;
  }
  const definition = custom['config'];
  if (definition !== undefined && !isObject(definition))
    return `custom.config must be an object, not ${typeName(definition)}`;
  return undefined;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeName(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

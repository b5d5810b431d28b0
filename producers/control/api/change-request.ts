import { createHash } from 'node:crypto';
import { toJson, type DescMessage, type JsonValue, type Message } from '@bufbuild/protobuf';
import { ChangeSchema, type Change } from '../../../proto/gen/the0/runtime/v1/common_pb.js';

/** Whether requests of this kind change something. */
export const isChange = (input: DescMessage): boolean =>
  input.fields.some(({ name, message }) => name === 'change' && message?.typeName === ChangeSchema.typeName);

type Fields = Readonly<Record<string, unknown>>;

/** What comes with a change; undefined where it only asks what a change would do. */
export function changeOf(message: Message): Change | undefined {
  const { change, dryRun } = message as Message & { change?: Change; dryRun?: boolean };
  return dryRun === true ? undefined : change;
}

/** Id of what a request is about, for the audit; empty: of none. */
export function targetOf(message: Message): string {
  const { id, schedule, queue, name } = message as unknown as Fields;
  if (isText(queue) && isText(id)) return `${queue}/${id}`;
  return [id, schedule, name].find(isText) ?? '';
}

/** What an answer adds to it: the id of what was made, and what came of it in words. */
export function tellingOf(answer: Message): { target?: string; message?: string } {
  const { outcome, token, run, rolloutId } = answer as unknown as Fields;
  const made = [rolloutId, idOf(token), idOf(run)].find(isText);
  return {
    ...(made === undefined ? {} : { target: made }),
    ...(isText(outcome) ? { message: outcome } : {}),
  };
}

/** The same for the same request, however its parameters were ordered. */
export function requestHash(desc: DescMessage, message: Message): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(toJson(desc, message))))
    .digest('hex');
}

function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value).sort();
  // Not as an object again: a map of the request may have any key, `__proto__` among them.
  return { entries: keys.map((key) => [key, ordered(value[key] ?? null)]) };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const idOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;

import {
  getOption,
  hasOption,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
} from '@bufbuild/protobuf';
import { field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { commentOf } from './comments.ts';
import { rulesOf } from './rules.ts';

/** A JSON schema of the dialect of OpenAPI 3.1. */
export type Schema = { [keyword: string]: unknown };

const ref = (typeName: string): Schema => ({ $ref: `#/components/schemas/${typeName}` });

/** Types with a JSON form of their own. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': {
    type: 'string',
    pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$',
    examples: ['30s', '1.5s'],
  },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array', items: {} },
};

/** 64 bits do not fit into a number of JSON: they are told as text, and taken as either. */
const SCALARS: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.DOUBLE]: { type: 'number' },
  [ScalarType.FLOAT]: { type: 'number' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', minimum: 0 },
  [ScalarType.FIXED32]: { type: 'integer', minimum: 0 },
  [ScalarType.INT64]: { type: ['string', 'integer'], format: 'int64' },
  [ScalarType.SINT64]: { type: ['string', 'integer'], format: 'int64' },
  [ScalarType.SFIXED64]: { type: ['string', 'integer'], format: 'int64' },
  [ScalarType.UINT64]: { type: ['string', 'integer'], format: 'int64' },
  [ScalarType.FIXED64]: { type: ['string', 'integer'], format: 'int64' },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
};

/** A message as its JSON is, with what its fields ask for. */
export function messageSchema(message: DescMessage): Schema {
  const required = message.fields.filter(isRequired).map(({ jsonName }) => jsonName);
  return {
    type: 'object',
    ...described(commentOf(message)),
    properties: Object.fromEntries(message.fields.map((field) => [field.jsonName, fieldSchema(field)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

export function enumSchema(desc: DescEnum): Schema {
  const meanings = desc.values
    .map((value) => ({ name: value.name, meaning: commentOf(value) }))
    .filter(({ meaning }) => meaning !== '')
    .map(({ name, meaning }) => `${name}: ${meaning}`);
  return {
    type: 'string',
    ...described([commentOf(desc), ...meanings].filter((text) => text !== '').join('\n\n')),
    enum: desc.values.map(({ name }) => name),
  };
}

/** Everything that messages are made of, each once. */
export function typesUsed(roots: readonly DescMessage[]): (DescMessage | DescEnum)[] {
  const found = new Map<string, DescMessage | DescEnum>();
  const visit = (desc: DescMessage | DescEnum): void => {
    if (found.has(desc.typeName) || WELL_KNOWN[desc.typeName] !== undefined) return;
    found.set(desc.typeName, desc);
    if (desc.kind === 'enum') return;
    for (const field of desc.fields) {
      if (field.message !== undefined) visit(field.message);
      if (field.enum !== undefined) visit(field.enum);
    }
  };
  for (const root of roots) visit(root);
  return [...found.values()].sort((one, other) => (one.typeName < other.typeName ? -1 : 1));
}

function fieldSchema(field: DescField): Schema {
  const rules = rulesOf(field);
  const words = [commentOf(field), oneofText(field)].filter((text) => text !== '').join(' ');
  const schema = valueSchema(field, rules);
  // Beside a reference OpenAPI 3.1 takes other keywords.
  return { ...schema, ...described(words) };
}

function valueSchema(field: DescField, rules: ReturnType<typeof rulesOf>): Schema {
  if (field.fieldKind === 'list')
    return { type: 'array', items: { ...single(field), ...rules.items }, ...rules.value };
  if (field.fieldKind === 'map')
    return { type: 'object', additionalProperties: single(field), ...rules.value };
  return { ...single(field), ...rules.value };
}

function single(field: DescField): Schema {
  if (field.message !== undefined) return WELL_KNOWN[field.message.typeName] ?? ref(field.message.typeName);
  if (field.enum !== undefined) return ref(field.enum.typeName);
  return SCALARS[field.scalar ?? ScalarType.STRING];
}

const oneofText = ({ oneof }: DescField): string =>
  oneof === undefined ? '' : `One of: ${oneof.fields.map(({ jsonName }) => jsonName).join(', ')}.`;

/** Also a text that must not be empty: where nothing stands, it is. */
function isRequired(field: DescField): boolean {
  if (field.oneof !== undefined || !hasOption(field, fieldRules)) return false;
  const { required, type } = getOption(field, fieldRules);
  return required || (type.case === 'string' && type.value.minLen > 0n);
}

export const described = (description: string): Schema => (description === '' ? {} : { description });

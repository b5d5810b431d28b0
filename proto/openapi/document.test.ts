import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { API_SERVICES } from '../../producers/control/api/services.ts';

type Json = { [key: string]: Json } & { $ref?: string; properties?: Json; required?: string[] };
type Document = {
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json> };
};

const document = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'openapi.json'), 'utf8'),
) as Document;
const methods = API_SERVICES.flatMap((service) => service.methods);

it('is a valid description by the rules of OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors ?? []).toEqual([]);
  expect([result.valid, validator.version]).toEqual([true, '3.1']);
});

it('has every method of every service, and no other', () => {
  expect(Object.keys(document.paths).sort()).toEqual(
    methods.map(({ parent, name }) => `/${parent.typeName}/${name}`).sort(),
  );
});

it.each(methods.map((method) => [`${method.parent.name}/${method.name}`, method] as const))(
  '%s can be called by what it says',
  (_name, method) => {
    const { post, get } = document.paths[`/${method.parent.typeName}/${method.name}`] ?? {};
    const request = document.components.schemas[method.input.typeName];
    expect(JSON.stringify(post)).toContain(`#/components/schemas/${method.input.typeName}`);
    expect(JSON.stringify(post)).toContain(`#/components/schemas/${method.output.typeName}`);
    expect(Object.keys(request?.properties ?? {})).toEqual(
      method.input.fields.map(({ jsonName }) => jsonName),
    );
    const isRead =
      method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && method.methodKind === 'unary';
    expect(get !== undefined).toBe(isRead);
  },
);

it('refers to nothing that is not there', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  const missing = refs.map(([, name = '']) => name).filter((name) => !(name in document.components.schemas));
  expect(missing).toEqual([]);
});

describe('what is asked of fields', () => {
  const schema = (name: string) => document.components.schemas[`the0.runtime.v1.${name}`];

  it('is told in the words of JSON schema', () => {
    expect(schema('Page')?.properties).toMatchObject({
      size: { type: 'integer', minimum: 0, maximum: 1_000 },
      token: { type: 'string', maxLength: 2_048 },
    });
    expect(schema('Change')).toMatchObject({
      required: ['reason'],
      properties: {
        reason: { minLength: 1, maxLength: 400 },
        idempotencyKey: { pattern: '^[A-Za-z0-9_.:-]*$' },
      },
    });
    expect(schema('StopBotRequest')?.required).toEqual(['id', 'change']);
    expect(schema('BotFilter')?.properties?.['phases']).toMatchObject({ type: 'array', maxItems: 16 });
  });

  it('comes with the comments of the proto', () => {
    expect(schema('Change')?.['description']).toMatch(/^What comes with everything that changes something\./);
    expect(document.paths['/the0.runtime.v1.BotService/StopBot']?.['post']?.['description']).toMatch(
      /^Holds the bot and stops it\./,
    );
  });

  it('64-bit numbers may be text, times and spans are', () => {
    expect(schema('Stats')?.properties).toMatchObject({
      poisonEvents: { type: ['string', 'integer'] },
      now: { type: 'string', format: 'date-time' },
      oldestWaiting: { type: 'string' },
    });
  });
});

import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { commentOf } from './comments.ts';
import { described, enumSchema, messageSchema, typesUsed, type Schema } from './schema.ts';

const INTRODUCTION = `The control API as HTTP with JSON (the Connect protocol). Each method is a POST of its request's JSON; those
that only read may be asked with GET as well. Fields that have their default (0, false, "", [], the first value of an enum) are left out of answers,
and may be left out of requests. The same API answers gRPC and gRPC-Web.`;

const STREAMED = `A stream: the request and each answer are one envelope (a byte of flags, four of length, big-endian, then the JSON);
the last one has flag 2 and holds \`{}\` or \`{"error": ...}\`. https://connectrpc.com/docs/protocol`;

/** What a program has to know to call the API by HTTP with JSON: OpenAPI 3.1. */
export function openApiDocument(services: readonly DescService[], problem: string): Schema {
  const methods = services.flatMap((service) => service.methods);
  const roots = methods.flatMap(({ input, output }) => [input, output]);
  const schemas = typesUsed(roots).map((desc) => [
    desc.typeName,
    desc.kind === 'enum' ? enumSchema(desc) : messageSchema(desc),
  ]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'the0-runtime control API',
      version: 'v1',
      description: INTRODUCTION.replaceAll('\n', ' '),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: services.map((service) => ({ name: service.name, ...described(commentOf(service)) })),
    paths: Object.fromEntries(
      methods.map((method) => [`/${method.parent.typeName}/${method.name}`, pathItem(method)]),
    ),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Made with `the0-runtime tokens create`.' },
      },
      responses: { Error: { description: 'It was refused, or failed.', ...json(errorSchema(problem)) } },
      schemas: Object.fromEntries(schemas) as Schema,
    },
  };
}

function pathItem(method: DescMethod): Schema {
  if (method.methodKind !== 'unary') return { post: streamOperation(method) };
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const post = {
    ...operation(method),
    requestBody: { required: true, ...json(reference(method.input.typeName)) },
    responses: answers(json(reference(method.output.typeName))),
  };
  if (!isRead) return { post };
  const get = {
    ...operation(method, 'Get'),
    parameters: [
      query('encoding', { type: 'string', const: 'json' }),
      { ...query('message'), ...json(reference(method.input.typeName)) },
      { ...query('connect', { type: 'string', const: 'v1' }), required: false },
    ],
    responses: answers(json(reference(method.output.typeName))),
  };
  return { get, post };
}

function streamOperation(method: DescMethod): Schema {
  const { summary, description, ...rest } = operation(method);
  const body = (typeName: string): Schema => ({
    content: { 'application/connect+json': { schema: reference(typeName) } },
  });
  return {
    ...rest,
    ...(summary === undefined ? {} : { summary }),
    ...described([description, STREAMED.replaceAll('\n', ' ')].filter(Boolean).join('\n\n')),
    requestBody: { required: true, ...body(method.input.typeName) },
    responses: answers(body(method.output.typeName)),
  };
}

function operation(method: DescMethod, suffix = ''): Schema {
  const comment = commentOf(method);
  return {
    operationId: `${method.parent.name}_${method.name}${suffix}`,
    tags: [method.parent.name],
    ...described(comment),
  };
}

const query = (name: string, schema?: Schema): Schema => ({
  name,
  in: 'query',
  required: true,
  ...(schema === undefined ? {} : { schema }),
});

const answers = (content: Schema): Schema => ({
  '200': { description: 'Done.', ...content },
  default: { $ref: '#/components/responses/Error' },
});

const json = (schema: Schema): Schema => ({ content: { 'application/json': { schema } } });
const reference = (typeName: string): Schema => ({ $ref: `#/components/schemas/${typeName}` });

/** As the Connect protocol has it; `debug` of the first detail is our `Problem`. */
const errorSchema = (problem: string): Schema => ({
  type: 'object',
  required: ['code'],
  properties: {
    code: {
      type: 'string',
      enum: [
        'canceled',
        'unknown',
        'invalid_argument',
        'deadline_exceeded',
        'not_found',
        'already_exists',
        'permission_denied',
        'resource_exhausted',
        'failed_precondition',
        'aborted',
        'out_of_range',
        'unimplemented',
        'internal',
        'unavailable',
        'data_loss',
        'unauthenticated',
      ],
    },
    message: { type: 'string', description: 'For people: what is wrong, and what mends it.' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'value'],
        properties: {
          type: { type: 'string', examples: [problem] },
          value: { type: 'string', contentEncoding: 'base64' },
          debug: {
            type: 'object',
            description: `For programs, where type is ${problem}.`,
            properties: {
              code: { type: 'string' },
              field: { type: 'string' },
              cure: { type: 'string' },
              dependency: { type: 'string' },
              retryAfter: { type: 'string' },
            },
          },
        },
      },
    },
  },
});

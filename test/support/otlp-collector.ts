import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One span, as it came over the wire. */
export type CollectedSpan = {
  traceId: string;
  spanId: string;
  /** Empty: it begins the trace. */
  parentSpanId: string;
  name: string;
  /** OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** Trace ids that it links to. */
  links: string[];
  failed: boolean;
  message: string;
  /** `service.name` of who sent it, and all else that it says of itself. */
  service: string;
  resource: Readonly<Record<string, string | number | boolean>>;
};

export type OtlpCollector = AsyncDisposable & {
  endpoint: string;
  spans: CollectedSpan[];
  /** Bytes as they came, for what must not be in them. */
  bodies: Buffer[];
  /** Of each request, in the order of their coming. */
  requests: { path: string; headers: NodeJS.Dict<string | string[]> }[];
  /** What each request is answered from now on. Default 200. */
  answer: number;
};

/** A collector of traces that takes OTLP over HTTP in protobuf, and keeps all of it. */
export async function startOtlpCollector({ port = 0 } = {}): Promise<OtlpCollector> {
  const collector: Omit<OtlpCollector, 'endpoint' | typeof Symbol.asyncDispose> = {
    spans: [],
    bodies: [],
    requests: [],
    answer: 200,
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      collector.requests.push({ path: request.url ?? '', headers: request.headers });
      if (collector.answer === 200) {
        collector.bodies.push(body);
        collector.spans.push(...decodeRequest(body));
      }
      response.writeHead(collector.answer, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return Object.assign(collector, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

type Field = { no: number; value: Uint8Array | number | bigint };

/** The fields of a message, by the numbers of OTLP's .proto files. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.push({ no, value: reader.bytes() });
    else if (type === WireType.Varint) fields.push({ no, value: BigInt(reader.int64()) });
    else if (type === WireType.Bit64) fields.push({ no, value: reader.double() });
    else if (type === WireType.Bit32) fields.push({ no, value: reader.fixed32() });
    else throw new Error(`wire type ${type} is none that OTLP uses`);
  }
  return fields;
}

const messages = (bytes: Uint8Array, no: number): Uint8Array[] =>
  fieldsOf(bytes).flatMap((field) =>
    field.no === no && field.value instanceof Uint8Array ? field.value : [],
  );
const first = (bytes: Uint8Array, no: number): Uint8Array => messages(bytes, no)[0] ?? new Uint8Array();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const words = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const number = (bytes: Uint8Array, no: number): number =>
  Number(fieldsOf(bytes).find((field) => field.no === no)?.value ?? 0);

function decodeRequest(body: Buffer): CollectedSpan[] {
  return messages(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(first(resourceSpans, 1), 1);
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        ...spanOf(span),
        service: String(resource['service.name']),
        resource,
      })),
    );
  });
}

function spanOf(span: Uint8Array): Omit<CollectedSpan, 'service' | 'resource'> {
  const status = first(span, 15);
  return {
    traceId: hex(first(span, 1)),
    spanId: hex(first(span, 2)),
    parentSpanId: hex(first(span, 4)),
    name: words(first(span, 5)),
    kind: number(span, 6),
    attributes: attributesOf(span, 9),
    links: messages(span, 13).map((link) => hex(first(link, 1))),
    message: words(first(status, 2)),
    failed: number(status, 3) === 2,
  };
}

function attributesOf(bytes: Uint8Array, no: number): Record<string, string | number | boolean> {
  return Object.fromEntries(
    messages(bytes, no).map((pair) => [words(first(pair, 1)), valueOf(first(pair, 2))]),
  );
}

function valueOf(bytes: Uint8Array): string | number | boolean {
  const [field] = fieldsOf(bytes);
  if (field === undefined) return '';
  if (field.value instanceof Uint8Array) return words(field.value);
  return field.no === 2 ? field.value === 1n : Number(field.value);
}

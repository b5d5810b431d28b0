import type { IncomingMessage } from 'node:http';
import type { Client } from 'minio';

/** One request as S3 has it, for what the library has no call for: its own `makeRequestAsync` signs it. */
export type S3Request = {
  method: 'GET' | 'POST' | 'PUT';
  bucket: string;
  key: string;
  /** Names and values of the query, not escaped yet. */
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | string;
};

/** The answer's body comes as it is read; an answer other than 200 is thrown as the library's error. */
export function request(
  client: Client,
  { method, bucket, key, query, headers, body }: S3Request,
): Promise<IncomingMessage> {
  const pairs = Object.entries(query ?? {});
  return client.makeRequestAsync(
    {
      method,
      bucketName: bucket,
      objectName: key,
      headers: { ...headers },
      ...(pairs.length === 0
        ? {}
        : {
            query: pairs
              .map(([name, value]) => (value === '' ? name : `${name}=${escaped(value)}`))
              .join('&'),
          }),
    },
    body ?? '',
  );
}

/** Everything of an answer that is known to be small. */
export async function textOf(response: IncomingMessage, progress: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    progress();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** As S3 signs it: everything but unreserved characters. */
export const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** An object as the source of a copy. */
export const copySource = (bucket: string, key: string): string =>
  `/${bucket}/${key.split('/').map(escaped).join('/')}`;

/** The text of an element that occurs once in a small answer; undefined if it is not there. */
export function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replaceAll('&#34;', '"').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

export const cleanEtag = (etag: string): string => etag.replace(/^W\//, '').replaceAll('"', '');

/** Headers of a condition: the object is still this one, or (null) there is none. */
export function condition(etag: string | null | undefined): Record<string, string> {
  if (etag === undefined) return {};
  return etag === null ? { 'If-None-Match': '*' } : { 'If-Match': `"${etag}"` };
}

export const userMetadata = (
  metadata: Readonly<Record<string, string>> | undefined,
): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name}`, value]));

import type http from 'node:http';
import { signV4 } from 'minio/dist/esm/signing.mjs';
import type { Transport } from './transport.ts';

/** S3 refuses requests whose time is 15 minutes off, some servers sooner; below this nothing is signed anew. */
const TOLERATED_MS = 30_000;

/** `offsetMs`: what has to be added to the host's `Date` to have the true time. */
export type SigningTime = { accessKey: string; secretKey: string; region: string; offsetMs: () => number };

/**
 * A request carries the time at which it was signed, and the client library takes the host's: with a host whose clock is off,
 * S3 refuses everything, and no bot would start. So there, requests are signed once more, with the true time.
 */
export function signedOnTime(
  transport: Transport,
  { accessKey, secretKey, region, offsetMs }: SigningTime,
): Transport {
  const request = (options: http.RequestOptions, onResponse?: (response: http.IncomingMessage) => void) => {
    const offset = offsetMs();
    const headers = options.headers as Record<string, string> | undefined;
    if (Math.abs(offset) < TOLERATED_MS || headers?.['authorization'] === undefined)
      return transport.request(options, onResponse);
    const date = new Date(Date.now() + offset);
    const { authorization: _old, ...rest } = headers;
    const dated = { ...rest, 'x-amz-date': date.toISOString().replace(/[-:]|\.\d{3}/g, '') };
    const content = rest['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
    const again = { ...options, headers: dated } as Parameters<typeof signV4>[0];
    const authorization = signV4(again, accessKey, secretKey, region, date, content);
    return transport.request({ ...options, headers: { ...dated, authorization } }, onResponse);
  };
  return { request: request as Transport['request'] };
}

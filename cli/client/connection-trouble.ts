import { ConnectError } from '@connectrpc/connect';
import { CliError, EXIT } from '../errors.ts';
import type { ServerUrl } from './server-url.ts';

/** Nobody whom this machine trusts has signed it. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

/** What is spoken there is something else. */
const OTHER_TONGUE =
  /WRONG_VERSION_NUMBER|HPE_|Parse Error|ERR_HTTP2|NGHTTP2|ERR_SSL|EPROTO|socket hang up|ECONNRESET|invalid content-type|unexpected response content type/i;

/** Why a control API did not answer at all, and what mends it. */
export function connectionTrouble(error: Error, server: ServerUrl): CliError {
  const { code, texts } = chainOf(error);
  const options = { cause: error };
  const said = plain(texts.at(-1) ?? error.message);
  const told = (why: string): CliError =>
    new CliError(`The control API at ${server.given} cannot be reached: ${why}`, EXIT.unreachable, options);
  if (UNTRUSTED.has(code))
    return told(
      'its certificate is signed by nobody whom this machine trusts. Name the certificate that signed it (PEM) by THE0_CA_FILE',
    );
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return told(`its certificate is not for ${server.host} (${said}). Use the name that it is made for`);
  if (code === 'CERT_HAS_EXPIRED') return told('its certificate has expired. It needs a new one there');
  if (code === 'CERT_NOT_YET_VALID')
    return told('its certificate is not valid yet. See whether the clocks of both machines are right');
  if (code === 'ECONNREFUSED')
    return told(`nothing listens there. See whether it runs, and --server (THE0_SERVER)`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return told(`there is no host ${JSON.stringify(server.host)} (${code}). See --server (THE0_SERVER)`);
  if (OTHER_TONGUE.test([code, ...texts].join(' ')))
    return told(
      `what answers there does not speak ${spoken(server)} (${said}). See scheme and port of --server (THE0_SERVER): https:// or http:// with port 8090, grpcs:// or grpc:// with 50051`,
    );
  return told(said);
}

const spoken = ({ way, isSecure }: ServerUrl): string =>
  way === 'grpc'
    ? isSecure
      ? 'gRPC with TLS'
      : 'gRPC in clear'
    : isSecure
      ? 'HTTP with TLS'
      : 'HTTP in clear';

/** Of what TLS says, the reason: what stands around it are places in its own sources. */
const plain = (text: string): string =>
  /:SSL routines:[^:]*:([^:]+):/.exec(text)?.[1] ?? text.replaceAll(/\s+/g, ' ').trim();

/** The innermost code, and what each error on the way says. */
function chainOf(error: Error): { code: string; texts: string[] } {
  const texts: string[] = [];
  let code = '';
  for (let each: unknown = error; each instanceof Error && texts.length < 10; each = each.cause) {
    // Of several addresses that were tried, the first says as much as all.
    const one: Error & { code?: unknown } =
      each instanceof AggregateError && each.errors[0] instanceof Error ? each.errors[0] : each;
    if (typeof one.code === 'string') code = one.code;
    // Without the code that the library puts before it.
    const text = one instanceof ConnectError ? one.rawMessage : one.message;
    if (text !== '') texts.push(text);
  }
  return { code, texts };
}

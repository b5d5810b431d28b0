import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import { ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { messageOf } from '../../infra/message-of.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { isLoopback } from '../../infra/loopback.ts';
import { CliError, EXIT } from '../errors.ts';
import { readServerUrl, type ServerUrl } from './server-url.ts';

/** A server that does not answer by then is taken for one that does not answer at all. */
const PATIENCE_MS = 60_000;
/** Of a session that has failed, for its socket to close. */
const LINGER_MS = 1_000;
const LOOK_EVERY_MS = 5;

type RemoteSettings = Pick<Settings, 'THE0_SERVER' | 'THE0_TOKEN' | 'THE0_CA_FILE'>;

export type Remote = AsyncDisposable & { transport: Transport; server: ServerUrl };

/** The way to a control API over the network; nothing is sent yet. @throws CliError */
export function openRemote(settings: RemoteSettings): Remote {
  const server = readServerUrl(settings.THE0_SERVER ?? '');
  const { baseUrl } = server;
  const interceptors = [bearing(tokenOf(settings, server))];
  const nodeOptions = settings.THE0_CA_FILE === undefined ? {} : { ca: trusted(settings.THE0_CA_FILE) };
  const common = { baseUrl, interceptors, defaultTimeoutMs: PATIENCE_MS };
  if (!server.isSecure && !isLoopback(server.host))
    console.error(
      `The token travels to ${server.given} in clear: use https:// or grpcs:// where it is served`,
    );
  if (server.way === 'http')
    return {
      server,
      transport: createConnectTransport({ ...common, httpVersion: '1.1', nodeOptions }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  let failed = false;
  const noticing: Interceptor = (next) => (request) =>
    next(request).catch((error: unknown) => {
      // The API itself says more of what it refuses.
      failed = ConnectError.from(error).details.length === 0;
      throw error;
    });
  const sessionManager = new Http2SessionManager(baseUrl, {}, nodeOptions);
  return {
    server,
    transport: createGrpcTransport({
      ...common,
      interceptors: [...interceptors, noticing],
      sessionManager,
    }),
    [Symbol.asyncDispose]: async () => {
      if (failed) await untilOver(sessionManager);
      // Else it stays open for whoever might ask again.
      sessionManager.abort();
    },
  };
}

/**
 * A session of HTTP/2 that has failed says so again when its socket closes, a moment later: whoever aborts it before is not
 * there any more to hear it, and the process ends by that.
 */
async function untilOver(sessions: Http2SessionManager): Promise<void> {
  const deadline = performance.now() + LINGER_MS;
  while (!/closed|error/.test(sessions.state()) && performance.now() < deadline) await sleep(LOOK_EVERY_MS);
}

const bearing =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };

function tokenOf({ THE0_TOKEN: token }: RemoteSettings, { given }: ServerUrl): string {
  if (token === undefined)
    throw new CliError(
      `There is no token for ${given}: name its file by --token-file or THE0_TOKEN_FILE, or set THE0_TOKEN. "the0-runtime tokens create" makes one`,
      EXIT.denied,
    );
  // What no header can hold would be quoted by whoever refuses it.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CliError(
      'THE0_TOKEN is no token: it holds blanks, line ends or other characters that no token has. Give it as "the0-runtime tokens create" printed it',
      EXIT.denied,
    );
  return token;
}

function trusted(path: string): string[] {
  try {
    const file = readFileSync(path, 'utf8');
    if (!file.includes('-----BEGIN CERTIFICATE-----')) throw new Error('there is no certificate (PEM) in it');
    return [...getCACertificates('default'), file];
  } catch (error) {
    throw new CliError(`THE0_CA_FILE=${path} cannot be used: ${messageOf(error)}`, EXIT.usage, {
      cause: error,
    });
  }
}

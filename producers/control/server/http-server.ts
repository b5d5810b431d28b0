import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeHandlerFn } from './handler.ts';
import type { TlsKeys } from './tls.ts';

/** A request that is not here by then will not come. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;

/** HTTP/1.1, in clear or with TLS: JSON, gRPC-Web, and whatever else is mounted beside them. */
export function httpServer(handler: NodeHandlerFn, tls: TlsKeys | undefined): Server {
  const options = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS };
  return tls === undefined
    ? createServer(options, handler)
    : createSecureServer({ ...options, ...tls }, handler);
}

/** `/package.Service/Method`. */
const METHOD_PATH = /^\/[\w.]+\.[\w]+\/\w+$/;

export type App = (request: IncomingMessage, response: ServerResponse) => void;

/** What is no call of the API: its description, or the app that is mounted there. */
export function besideTheApi(app: App | undefined): App {
  return (request, response) => {
    const [path] = (request.url ?? '/').split('?');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (path === '/openapi.json' && isRead)
      return send(request, response, { status: 200, body: openApiText(), cache: 'max-age=300' });
    // A newer client asks so: it is to hear that there is no such method, not that it has to log in.
    const isMethod = METHOD_PATH.test(path ?? '');
    if (app !== undefined && !isMethod) return app(request, response);
    send(request, response, {
      status: 404,
      body: JSON.stringify({ code: 'not_found', message: 'Not found: /openapi.json tells what is here' }),
      cache: 'no-store',
    });
  };
}

/** What has no page for people, as over gRPC's own port. */
export const nothingElse: App = (request, response) =>
  send(request, response, {
    status: 404,
    body: JSON.stringify({ code: 'not_found', message: 'Only the control API is here' }),
    cache: 'no-store',
  });

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, cache }: { status: number; body: string; cache: string },
): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': cache,
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

let openApi: string | undefined;

/** Made from the proto, read when somebody asks for it. */
const openApiText = (): string =>
  (openApi ??= readFileSync(join(import.meta.dirname, '../../../proto/openapi.json'), 'utf8'));

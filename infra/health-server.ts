import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Health } from './health.ts';
import { closeServer, listen } from './listen.ts';
import { messageOf } from './message-of.ts';

export type HealthServerOptions = {
  health: Health;
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** Setting named when the port is taken. */
  portSetting: string;
  /** Text of `/metrics` with its content type. */
  metrics: () => Promise<{ contentType: string; body: string }>;
};

export type HealthServer = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
};

/**
 * `GET /healthz`: 200 `ok` or 503 `unhealthy: …`; `GET /readyz`: 200 `ok`, 200 `degraded: …` or 503 `not ready: …`;
 * `GET /metrics`: Prometheus text.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => void answer(options, request, response));
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  const { host, port } = await listen(server, {
    what: 'health server',
    host: options.host,
    port: options.port,
    hostSetting: 'HEALTH_HOST',
    portSetting: options.portSetting,
  });
  // The process must be able to end although a monitor keeps its connection open.
  server.unref();
  const close = () => closeServer(server);
  return { host, port, close, [Symbol.asyncDispose]: close };
}

async function answer(
  options: HealthServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(request, response, 405, 'method not allowed');
  switch (path) {
    case '/healthz': {
      const problems = options.health.live();
      return problems.length === 0
        ? send(request, response, 200, 'ok')
        : send(request, response, 503, `unhealthy: ${problems.join('; ')}`);
    }
    case '/readyz': {
      const { status, reasons } = options.health.ready();
      if (status === 'ok') return send(request, response, 200, 'ok');
      return status === 'degraded'
        ? send(request, response, 200, `degraded: ${reasons.join('; ')}`)
        : send(request, response, 503, `not ready: ${reasons.join('; ')}`);
    }
    case '/metrics':
      try {
        const { contentType, body } = await options.metrics();
        return send(request, response, 200, body, contentType);
      } catch (error) {
        return send(request, response, 500, `metrics: ${messageOf(error)}`);
      }
    default:
      return send(request, response, 404, 'not found: /healthz, /readyz and /metrics are here');
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

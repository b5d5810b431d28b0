import { Code, type ConnectRouter, type Interceptor } from '@connectrpc/connect';
import { Health as HealthService } from '../../../proto/gen/grpc/health/v1/health_pb.js';
import type { Settings } from '../../../infra/config/settings.ts';
import type { Health } from '../../../infra/health.ts';
import { closeServer, listen } from '../../../infra/listen.ts';
import type { Logger } from '../../../infra/logger.ts';
import { problem } from '../api/failures.ts';
import { API_SERVICES, registerServices, type ApiServices } from '../api/services.ts';
import { checkExposure } from './exposure.ts';
import { grpcServer } from './grpc-server.ts';
import { apiHandler, type NodeHandlerFn } from './handler.ts';
import { healthService } from './health-service.ts';
import { besideTheApi, httpServer, nothingElse, type App } from './http-server.ts';
import { proxiesOf } from './proxies.ts';
import { readTls, type TlsFiles } from './tls.ts';

/** 0 picks a free port. */
export type Address = { host: string; port: number };

export type ControlServerOptions = {
  http: Address;
  grpc: Address;
  tls?: TlsFiles;
  /** Which proxies are believed, as the setting has it. */
  behindProxy: Settings['CONTROL_BEHIND_PROXY'];
  services: ApiServices;
  interceptors: Interceptor[];
  health: Pick<Health, 'ready'>;
  /** Whether anybody could log in. */
  hasToken: () => Promise<boolean>;
  /** Mounted over HTTP beside the API: the dashboard, which is given the API for its own pages. */
  app?: (api: App) => App;
  log: Logger;
};

export type ControlServer = AsyncDisposable & {
  /** Of HTTP. */
  readonly url: string;
  readonly http: Address;
  readonly grpc: Address;
  close(): Promise<void>;
};

/**
 * The control API for the world: gRPC on a port of its own, and HTTP (JSON, gRPC-Web) with the dashboard on another.
 * @throws NoTokenYet, TlsUnusable, ListenError
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { log, behindProxy } = options;
  const keys = options.tls === undefined ? undefined : readTls(options.tls);
  await checkExposure({
    hosts: [
      { setting: 'GRPC_HOST', host: options.grpc.host },
      { setting: 'CONTROL_HOST', host: options.http.host },
    ],
    hasToken: options.hasToken,
    tls: keys !== undefined,
    behindProxy: behindProxy !== false,
    log,
  });
  const stopping = new AbortController();
  const handler = (fallback: App): NodeHandlerFn =>
    apiHandler({
      routes: routes(options),
      interceptors: options.interceptors,
      isProxy: proxiesOf(behindProxy),
      stopping: stopping.signal,
      fallback,
    });
  const api = handler(nothingElse);
  const grpc = grpcServer(api, keys);
  const http = httpServer(uncached(handler(besideTheApi(options.app?.(api)))), keys);
  const grpcAddress = await listen(grpc.server, {
    what: 'control API over gRPC',
    ...options.grpc,
    hostSetting: 'GRPC_HOST',
    portSetting: 'GRPC_PORT',
  });
  let httpAddress: Address;
  try {
    httpAddress = await listen(http, {
      what: 'control API over HTTP',
      ...options.http,
      hostSetting: 'CONTROL_HOST',
      portSetting: 'CONTROL_PORT',
    });
  } catch (error) {
    await grpc.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    stopping.abort(goingAway());
    await Promise.all([grpc.close(), closeServer(http)]);
  };
  return {
    url: urlOf(httpAddress, keys !== undefined),
    http: httpAddress,
    grpc: grpcAddress,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const routes =
  ({ services, health }: ControlServerOptions) =>
  (router: ConnectRouter): void => {
    registerServices(router, services);
    router.service(
      HealthService,
      healthService({
        isServing: () => health.ready().status !== 'not-ready',
        services: new Set(API_SERVICES.map(({ typeName }) => typeName)),
      }),
    );
  };

/** What is answered is of its moment, and of its caller. The dashboard says it for itself. */
const uncached =
  (handler: NodeHandlerFn): NodeHandlerFn =>
  (request, response) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    handler(request, response);
  };

const urlOf = ({ host, port }: Address, isSecure: boolean): string =>
  `${isSecure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;

const goingAway = () =>
  problem(Code.Unavailable, {
    code: 'stopping',
    message: 'This server is stopping',
    cure: 'ask again in a moment; a stream goes on from the position of its last answer',
  });

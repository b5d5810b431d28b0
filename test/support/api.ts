import { randomBytes } from 'node:crypto';
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import {
  createGrpcTransport,
  createGrpcWebTransport,
  createConnectTransport,
} from '@connectrpc/connect-node';
import type { DescService } from '@bufbuild/protobuf';
import type { ApiConnections } from '../../cli/api/connections.ts';
import { apiServices } from '../../cli/api/services.ts';
import { openApiConnections } from '../../cli/roles/api-connections.ts';
import { openDashboard } from '../../cli/roles/dashboard.ts';
import type { RoleContext } from '../../cli/roles/context.ts';
import { LoginLimiter } from '../../infra/login-limiter.ts';
import type { Role } from '../../model/access.ts';
import { firstOf } from '../../producers/control/api/authentication.ts';
import { bearerTokens } from '../../producers/control/api/bearer.ts';
import { apiInterceptors } from '../../producers/control/api/interceptors.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import {
  startControlServer,
  type ControlServer,
  type ControlServerOptions,
} from '../../producers/control/server/control-server.ts';
import { tokenGate } from '../../producers/control/tokens/gate.ts';
import { createToken, hasUsableToken } from '../../producers/control/tokens/tokens.ts';
import { TokenVerifier } from '../../producers/control/tokens/verifier.ts';
import { roleContext } from './runner.ts';

export type TestApi = AsyncDisposable & {
  context: RoleContext;
  connections: ApiConnections;
  server: ControlServer;
  /** Makes a token and gives its text. */
  token(role: Role, lifetimeMs?: number): Promise<string>;
  stop(): Promise<void>;
};

type Options = {
  environment: Readonly<Record<string, string>>;
  /** In place of the real ones. */
  services?: ApiServices;
  server?: Partial<ControlServerOptions>;
  deadlineMs?: number;
  limiter?: LoginLimiter;
};

/** The control API in this process on free ports, as the `controller` would answer it, with some handlers of the test's own. */
export async function startTestApi(options: Options): Promise<TestApi> {
  const context = roleContext({ environment: options.environment });
  context.health.start();
  const connections = await openApiConnections(context);
  const { collections, now, newId, log } = connections;
  const tokens = collections.apiTokens;
  const token = async (role: Role, lifetimeMs?: number): Promise<string> => {
    const name = `${role}-${randomBytes(3).toString('hex')}`;
    const made = await createToken(
      { tokens, now, randomBytes },
      { name, role, createdBy: 'test', ...(lifetimeMs === undefined ? {} : { lifetimeMs }) },
    );
    return made.text;
  };
  const verifier = new TokenVerifier({ tokens, now, log });
  const gate = tokenGate({ verifier, limiter: options.limiter ?? new LoginLimiter(), log });
  const dashboard = openDashboard(connections, { gate, verifier });
  const server = await startControlServer({
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    behindProxy: false,
    services: { ...apiServices(connections), ...options.services },
    interceptors: apiInterceptors({
      authenticate: firstOf(bearerTokens(gate), dashboard.authenticate),
      collections,
      log,
      now,
      newId,
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    }),
    health: context.health,
    hasToken: () => hasUsableToken({ tokens, now }),
    app: dashboard.app,
    log,
    ...options.server,
  });
  context.lifecycle.onStop('control API', () => server.close());
  context.lifecycle.started();
  const stop = async (): Promise<void> => {
    await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    context.health.stop();
  };
  return { context, connections, server, token, stop, [Symbol.asyncDispose]: stop };
}

/** The ways to reach the API that a client library takes. */
export const WAYS = ['gRPC', 'gRPC-Web', 'Connect'] as const;
export type Way = (typeof WAYS)[number];

export function transportOf({ server }: Pick<TestApi, 'server'>, way: Way, token?: string): Transport {
  const interceptors = [
    (next: Parameters<NonNullable<Parameters<typeof createConnectTransport>[0]['interceptors']>[0]>[0]) =>
      (request: Parameters<typeof next>[0]) => {
        if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
  ];
  const { host, port } = server.grpc;
  if (way === 'gRPC') return createGrpcTransport({ baseUrl: `http://${host}:${port}`, interceptors });
  const over = { baseUrl: server.url, httpVersion: '1.1', interceptors } as const;
  return way === 'gRPC-Web' ? createGrpcWebTransport(over) : createConnectTransport(over);
}

export const clientOf = <S extends DescService>(
  api: Pick<TestApi, 'server'>,
  service: S,
  token?: string,
  way: Way = 'gRPC',
): Client<S> => createClient(service, transportOf(api, way, token));

/** A plain HTTP client: what anybody could write. */
export async function callJson(
  { server }: Pick<TestApi, 'server'>,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/the0.runtime.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  };
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

import { LoginLimiter } from '../../infra/login-limiter.ts';
import { firstOf } from '../../producers/control/api/authentication.ts';
import { bearerTokens } from '../../producers/control/api/bearer.ts';
import { apiInterceptors } from '../../producers/control/api/interceptors.ts';
import { startControlServer, type ControlServer } from '../../producers/control/server/control-server.ts';
import { tokenGate } from '../../producers/control/tokens/gate.ts';
import { hasUsableToken } from '../../producers/control/tokens/tokens.ts';
import { TokenVerifier } from '../../producers/control/tokens/verifier.ts';
import type { ApiConnections } from '../api/connections.ts';
import { apiServices } from '../api/services.ts';
import { openApiConnections } from './api-connections.ts';
import type { RoleContext } from './context.ts';
import { openDashboard } from './dashboard.ts';
import { startHistory } from './history.ts';

/** Who guesses tokens waits a minute at most: behind the same address there may be somebody who does not guess. */
const MAX_WAIT_MS = 60_000;

export type ControlOptions = {
  httpPort: number;
  grpcPort: number;
};

/** The control API and the dashboard, and nothing else. It never reaches the engine. */
export async function startController(context: RoleContext): Promise<ControlServer> {
  const { settings, lifecycle } = context;
  const connections = await openApiConnections(context);
  const server = await startControlApi(context, connections, {
    httpPort: settings.CONTROL_PORT,
    grpcPort: settings.GRPC_PORT,
  });
  lifecycle.started();
  return server;
}

/** The same over connections that are open already. */
export async function startControlApi(
  context: RoleContext,
  connections: ApiConnections,
  { httpPort, grpcPort }: ControlOptions,
): Promise<ControlServer> {
  const { settings, log, lifecycle, health, metrics } = context;
  const { collections, now, newId } = connections;
  startHistory(context, connections);
  const tokens = collections.apiTokens;
  const verifier = new TokenVerifier({ tokens, now, log });
  const limiter = new LoginLimiter({ maxWaitMs: MAX_WAIT_MS, now: () => now().getTime() });
  const gate = tokenGate({ verifier, limiter, log });
  const dashboard = openDashboard(connections, { gate, verifier });
  const { CONTROL_TLS_CERT_FILE: certFile, CONTROL_TLS_KEY_FILE: keyFile } = settings;
  const server = await startControlServer({
    http: { host: settings.CONTROL_HOST, port: httpPort },
    grpc: { host: settings.GRPC_HOST, port: grpcPort },
    ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
    behindProxy: settings.CONTROL_BEHIND_PROXY,
    services: apiServices(connections),
    interceptors: apiInterceptors({
      authenticate: firstOf(bearerTokens(gate), dashboard.authenticate),
      collections,
      log,
      registry: metrics.registry,
      now,
      newId,
    }),
    health,
    hasToken: () => hasUsableToken({ tokens, now }),
    app: dashboard.app,
    log,
  });
  lifecycle.onDrain('control API', () => server.close());
  log.info({ url: server.url, grpc: `${server.grpc.host}:${server.grpc.port}` }, 'the control API answers');
  return server;
}

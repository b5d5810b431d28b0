import { randomBytes } from 'node:crypto';
import type { ApiConnections } from '../../cli/api/connections.ts';
import { openApiConnections } from '../../cli/roles/api-connections.ts';
import type { RoleContext } from '../../cli/roles/context.ts';
import { startControlApi } from '../../cli/roles/controller.ts';
import type { Role } from '../../model/access.ts';
import type { ControlServer } from '../../producers/control/server/control-server.ts';
import { createToken } from '../../producers/control/tokens/tokens.ts';
import { roleContext } from './runner.ts';

export type TestDashboard = AsyncDisposable & {
  context: RoleContext;
  connections: ApiConnections;
  server: ControlServer;
  /** Makes a token of a name of its own, or of the given one. */
  token(role: Role, options?: { lifetimeMs?: number; name?: string }): Promise<{ text: string; id: string }>;
  /** Without following redirects. */
  call(path: string, call?: Call): Promise<Response>;
  /** Shows a token to the login as a browser would. */
  login(token: string, call?: Call & { next?: string }): Promise<Response>;
  /** Logs a new browser in. */
  browser(token: string): Promise<Browser>;
  stop(): Promise<void>;
};

export type Call = { method?: string; headers?: Record<string, string>; body?: string };

/** What a browser does of itself and our pages add: cookie, origin, the session's token. */
export type Browser = {
  cookie: string;
  csrfToken: string;
  /** As our pages send it. */
  headers: Record<string, string>;
  get(path: string, accept?: string): Promise<Response>;
  send(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Response>;
  /** A call of the API by our pages. */
  api(method: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
};

/** The controller in this process, on free ports: API and dashboard. `now`: in place of the servers' clock. */
export async function startTestDashboard(
  environment: Readonly<Record<string, string>>,
  { now }: { now?: () => Date } = {},
): Promise<TestDashboard> {
  const context = roleContext({ environment });
  context.health.start();
  const opened = await openApiConnections(context);
  const connections = now === undefined ? opened : { ...opened, now };
  const server = await startControlApi(context, connections, { httpPort: 0, grpcPort: 0 });
  context.lifecycle.started();
  const tokens = connections.collections.apiTokens;

  const call: TestDashboard['call'] = (path, { method = 'GET', headers = {}, body } = {}) =>
    fetch(`${server.url}${path}`, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
  const login: TestDashboard['login'] = (token, { headers = {}, next = '/bots' } = {}) =>
    call('/login', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'text/html',
        origin: server.url,
        ...headers,
      },
      body: new URLSearchParams({ token, next }).toString(),
    });
  const stop = async (): Promise<void> => {
    await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    context.health.stop();
  };
  return {
    context,
    connections,
    server,
    token: async (role, { lifetimeMs, name = `${role}-${randomBytes(3).toString('hex')}` } = {}) => {
      const made = await createToken(
        { tokens, now: connections.now, randomBytes },
        { name, role, createdBy: 'test', ...(lifetimeMs === undefined ? {} : { lifetimeMs }) },
      );
      return { text: made.text, id: made.token._id };
    },
    call,
    login,
    browser: async (token) => {
      const [cookie = ''] = ((await login(token)).headers.get('set-cookie') ?? '').split(';');
      const { csrfToken } = (await (await call('/session', { headers: { cookie } })).json()) as {
        csrfToken: string;
      };
      const headers = { cookie, origin: server.url, 'x-csrf-token': csrfToken };
      const send: Browser['send'] = (method, path, more = {}, body) =>
        call(path, { method, headers: { ...headers, ...more }, ...(body === undefined ? {} : { body }) });
      return {
        cookie,
        csrfToken,
        headers,
        get: (path, accept = 'application/json') => call(path, { headers: { cookie, accept } }),
        send,
        api: (method, body, more = {}) =>
          send(
            'POST',
            `/api/the0.runtime.v1.${method}`,
            { 'content-type': 'application/json', ...more },
            JSON.stringify(body),
          ),
      };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

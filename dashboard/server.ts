import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Queue } from 'bullmq';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { closeServer, listen } from '../infra/listen.ts';
import type { Logger } from '../infra/logger.ts';
import { authentication } from './auth.ts';
import { bullBoard } from './board.ts';
import { securityHeaders } from './headers.ts';
import type { LoginLimiter } from './login-limiter.ts';
import type { Sessions } from './sessions.ts';
import { tokenMatcher } from './token.ts';

export type DashboardOptions = {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** 16 characters or more; without it the dashboard does not start. */
  token: string | undefined;
  installation: string;
  queues: readonly Queue[];
  log: Logger;
  sessions?: Sessions;
  limiter?: LoginLimiter;
};

export type Dashboard = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
};

/**
 * Starts the dashboard: Bull Board at `/queues`, behind a login.
 * @throws DashboardTokenMissing, ListenError
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const app = dashboardApp(options);
  const server = createServer(app);
  const { host, port } = await listen(server, {
    what: 'dashboard',
    host: options.host,
    port: options.port,
    hostSetting: 'DASHBOARD_HOST',
    portSetting: 'DASHBOARD_PORT',
  });
  const close = () => closeServer(server);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function dashboardApp(options: DashboardOptions): Express {
  const matches = tokenMatcher(options.token);
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.use('/assets', express.static(join(import.meta.dirname, 'assets'), { index: false, redirect: false }));
  app.use(
    authentication({
      matches,
      installation: options.installation,
      log: options.log,
      ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
      ...(options.limiter === undefined ? {} : { limiter: options.limiter }),
    }),
  );
  app.get('/', (_request, response) => response.redirect(303, '/queues'));
  app.use(
    '/queues',
    bullBoard({ queues: options.queues, basePath: '/queues', title: `Queues · ${options.installation}` }),
  );
  app.use((_request, response) => void response.status(404).json({ error: 'Not found' }));
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const status = statusOf(error);
    if (status >= 500)
      options.log.error(
        { path: request.path, error: error instanceof Error ? error.message : String(error) },
        'a dashboard request failed',
      );
    response.status(status).json({
      error: status >= 500 ? 'The request failed; the log says why' : 'The request cannot be understood',
    });
  };
  app.use(onError);
  return app;
}

/** A parser's error carries its status; anything else is ours. */
function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

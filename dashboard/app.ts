import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Queue } from 'bullmq';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { MongoError } from 'mongodb';
import type { Logger } from '../infra/logger.ts';
import { messageOf } from '../infra/message-of.ts';
import { appAssets, type AppAssets } from './app-assets.ts';
import { boards, type Trail } from './boards.ts';
import type { TellConnection } from './connection.ts';
import { isCrossSite, mayChange } from './forgery.ts';
import { securityHeaders } from './headers.ts';
import { loginRoutes } from './login.ts';
import { loginPage } from './pages.ts';
import type { Desk } from './person.ts';
import { refuse } from './refusal.ts';
import type { Sessions } from './sessions.ts';
import type { Visitors } from './visitors.ts';

export type DashboardOptions = {
  installation: string;
  visitors: Visitors;
  desk: Desk;
  sessions: Sessions;
  tell: TellConnection;
  /** The control API. It asks `visitors` who calls, since no token comes with a browser's request. */
  api: (request: IncomingMessage, response: ServerResponse) => void;
  /** Rejects while Redis is away. */
  queues: () => Promise<readonly Queue[]>;
  trail: Trail;
  log: Logger;
};

/** The dashboard: login, the browser app, the control API for it, Bull Board. To be mounted beside the control API. */
export function dashboardApp(options: DashboardOptions): Express {
  const { visitors, tell, log, installation } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders, refuseCrossSite(tell, log));
  const assets = once(appAssets);
  app.use('/assets', ownAssets(), appFiles(assets), nothingHere);
  app.use(loginRoutes(options));
  app.use(visitors.guard);
  app.get('/session', (request, response) => {
    const { person, session } = visitors.of(request);
    const ends = [person.expiresAt, session?.endsAt].filter((end) => end !== undefined);
    response.json({
      name: person.name,
      role: person.role,
      expiresAt: ends.length === 0 ? null : new Date(Math.min(...ends.map(Number))).toISOString(),
      csrfToken: session?.csrfToken ?? null,
    });
  });
  app.use('/api', (request, response) => options.api(request, response));
  app.use('/queues', boards(options));
  app.get('/{*any}', async (request, response, next) => {
    if (request.accepts(['json', 'html']) !== 'html') return next();
    response.type('html').send((await assets()).html);
  });
  app.use(nothingHere);
  app.use(onError({ log, installation }));
  return app;
}

const nothingHere: RequestHandler = (_request, response) =>
  refuse(response, 404, 'not_found', 'There is nothing here');

const refuseCrossSite =
  (tell: TellConnection, log: Logger): RequestHandler =>
  (request, response, next) => {
    if (!mayChange(request.method)) return next();
    const { origin, 'sec-fetch-site': site } = request.headers;
    const { host, client } = tell(request);
    const secFetchSite = typeof site === 'string' ? site : undefined;
    if (!isCrossSite({ host, origin, secFetchSite })) return next();
    log.warn(
      { method: request.method, path: request.path, origin, client },
      'refused a request from another site',
    );
    refuse(
      response,
      403,
      'permission_denied',
      'This request came from another site. Use the dashboard’s own pages, or a bearer token from a program',
    );
  };

/** Files that are the same for the login and Bull Board. */
function ownAssets(): RequestHandler[] {
  const files = express.static(join(import.meta.dirname, 'assets'), { index: false, redirect: false });
  return [
    (_request, response, next) => {
      response.set('Cache-Control', 'no-cache');
      next();
    },
    files,
  ];
}

const appFiles =
  (assets: () => Promise<AppAssets>): RequestHandler =>
  async (request, response, next) => {
    const file = (await assets()).files.get(request.path.slice(1));
    if (file === undefined || mayChange(request.method)) return next();
    const isCompressed = request.acceptsEncodings('br') === 'br';
    response.set({
      'Content-Type': file.type,
      'Cache-Control': 'public, max-age=31536000, immutable',
      Vary: 'Accept-Encoding',
      ...(isCompressed ? { 'Content-Encoding': 'br' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : isCompressed ? file.brotli : file.body);
  };

const onError =
  ({ log, installation }: { log: Logger; installation: string }): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof MongoError) {
      log.debug({ path: request.path, error: messageOf(error) }, 'MongoDB is away, so nobody is known');
      response.status(503).set('Retry-After', '5');
      if (request.accepts(['json', 'html']) === 'html') {
        const trouble = { is: 'away' } as const;
        response.type('html').send(loginPage({ installation, next: '/', inClear: false, trouble }));
      } else refuse(response, 503, 'unavailable', 'MongoDB does not answer, so nobody is known: try again');
      return;
    }
    const status = statusOf(error);
    if (status >= 500)
      log.error({ path: request.path, error: messageOf(error) }, 'a dashboard request failed');
    refuse(
      response,
      status,
      status >= 500 ? 'internal' : 'invalid_argument',
      status >= 500 ? 'The request failed; the log says why' : 'The request cannot be understood',
    );
  };

/** A parser's error carries its status; anything else is ours. */
function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Does it at its first use, and again after it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    made.catch(() => (made = undefined));
    return made;
  };
}

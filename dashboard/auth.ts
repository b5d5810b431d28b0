import type { Request, RequestHandler, Response } from 'express';
import express, { Router } from 'express';
import type { Logger } from '../infra/logger.ts';
import { isSecure, readCookie } from './cookies.ts';
import { LoginLimiter } from './login-limiter.ts';
import { isCrossSite } from './origin.ts';
import { loginPage, logoutPage } from './pages.ts';
import { Sessions } from './sessions.ts';

export type AuthOptions = {
  /** True for the right token, in constant time. */
  matches: (token: string) => boolean;
  installation: string;
  log: Logger;
  sessions?: Sessions;
  limiter?: LoginLimiter;
};

/** Where a person goes after the login. */
const HOME = '/queues';

/**
 * Login, logout and the guard that everything mounted after it stands behind. A browser holds a session cookie; a
 * program sends `Authorization: Bearer TOKEN`.
 */
export function authentication(options: AuthOptions): Router {
  const sessions = options.sessions ?? new Sessions();
  const limiter = options.limiter ?? new LoginLimiter();
  const router = Router();

  const refuseCrossSite: RequestHandler = (request, response, next) => {
    const { host, origin, 'sec-fetch-site': site } = request.headers;
    const secFetchSite = typeof site === 'string' ? site : undefined;
    if (!isCrossSite({ method: request.method, host, origin, secFetchSite })) return next();
    options.log.warn(
      { method: request.method, path: request.path, origin, client: clientOf(request) },
      'refused a request from another site',
    );
    response.status(403).json({
      error:
        'This request came from another site. Use the dashboard’s own pages, or a bearer token from a program',
    });
  };

  /** False where the client has to wait; the answer has been sent then. */
  const mayTry = (request: Request, response: Response, answer: (problem: string) => void): boolean => {
    const waitMs = limiter.waitMs(clientOf(request));
    if (waitMs === 0) return true;
    const seconds = Math.ceil(waitMs / 1000);
    response.status(429).set('Retry-After', String(seconds));
    answer(`Too many wrong tries. Wait ${seconds} s and try again.`);
    return false;
  };

  const wrongToken = (request: Request): void => {
    limiter.failed(clientOf(request));
    options.log.warn({ client: clientOf(request) }, 'wrong dashboard token');
  };

  router.use(refuseCrossSite);

  router.get('/login', (request, response) => {
    const next = localPath(request.query['next']);
    if (sessions.verify(sessionCookie(request)) !== undefined) return response.redirect(303, next);
    response.type('html').send(loginPage({ installation: options.installation, next }));
  });

  router.post(
    '/login',
    express.urlencoded({ extended: false, limit: '4kb' }),
    express.json({ limit: '4kb' }),
    (request, response) => {
      const body = (request.body ?? {}) as Record<string, unknown>;
      const next = localPath(body['next']);
      const show = (problem: string) =>
        response.type('html').send(loginPage({ installation: options.installation, next, problem }));
      if (!mayTry(request, response, show)) return;
      if (typeof body['token'] !== 'string' || !options.matches(body['token'].trim())) {
        wrongToken(request);
        response.status(401);
        show('That is not the token.');
        return;
      }
      limiter.succeeded(clientOf(request));
      options.log.info({ client: clientOf(request) }, 'logged in to the dashboard');
      response.cookie(cookieName(request), sessions.create(), {
        httpOnly: true,
        sameSite: 'strict',
        secure: isSecure(request),
        path: '/',
      });
      response.redirect(303, next);
    },
  );

  router.get('/logout', (_request, response) => void response.type('html').send(logoutPage()));

  router.post('/logout', (request, response) => {
    sessions.end(sessionCookie(request));
    response.clearCookie(cookieName(request), {
      httpOnly: true,
      sameSite: 'strict',
      secure: isSecure(request),
      path: '/',
    });
    response.redirect(303, '/login');
  });

  router.use((request, response, next) => {
    const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const refuse = (problem: string) =>
      void response.set('WWW-Authenticate', 'Bearer').json({ error: problem });
    if (bearer !== undefined) {
      if (!mayTry(request, response, refuse)) return;
      if (options.matches(bearer.trim())) {
        audit(options.log, request, 'token');
        return next();
      }
      wrongToken(request);
      response.status(401);
      return refuse('Wrong token');
    }
    const session = sessions.verify(sessionCookie(request));
    if (session !== undefined) {
      audit(options.log, request, session.slice(0, 8));
      return next();
    }
    if (
      request.method === 'GET' &&
      request.accepts(['html', 'json']) === 'html' &&
      !request.path.includes('/api/')
    )
      return response.redirect(303, `/login?next=${encodeURIComponent(request.originalUrl)}`);
    response.status(401);
    refuse('Log in first, or send Authorization: Bearer TOKEN');
  });

  return router;
}

/** Whoever changes something leaves a line: what, and in which session. */
function audit(log: Logger, request: Request, session: string): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    log.info(
      { method: request.method, path: request.path, session, client: clientOf(request) },
      'dashboard action',
    );
}

const clientOf = (request: Request): string => request.socket.remoteAddress ?? 'unknown';

const sessionCookie = (request: Request): string | undefined =>
  readCookie(request.headers.cookie, cookieName(request));

/** Cookies do not know ports: the name keeps two dashboards of one host from logging each other out. */
const cookieName = (request: Request): string => `the0_session_${request.socket.localPort ?? 0}`;

/** A path of ours to go on to: never another site, whatever `next` says. */
function localPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return HOME;
  const url = URL.parse(next, 'http://dashboard.invalid');
  if (url === null || url.host !== 'dashboard.invalid' || url.pathname.startsWith('//')) return HOME;
  return url.pathname === '/login' || url.pathname === '/logout' ? HOME : `${url.pathname}${url.search}`;
}

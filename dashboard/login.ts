import express, { Router, type Request, type Response } from 'express';
import type { Logger } from '../infra/logger.ts';
import { sessionCookie, type TellConnection } from './connection.ts';
import { readCookie } from './cookies.ts';
import { hasCsrfToken } from './forgery.ts';
import { localPath } from './local-path.ts';
import { loginPage, logoutPage, type LoginTrouble } from './pages.ts';
import type { Admission, Desk } from './person.ts';
import { refuse } from './refusal.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Visitors } from './visitors.ts';

export type LoginOptions = {
  desk: Desk;
  sessions: Sessions;
  visitors: Visitors;
  tell: TellConnection;
  installation: string;
  log: Logger;
};

/** Longer than any token, and than any path of ours. */
const MAX_BODY = '8kb';

/** Login and logout: what is there for those who are not known. */
export function loginRoutes(options: LoginOptions): Router {
  const { desk, sessions, visitors, tell, installation, log } = options;
  const router = Router();

  const show = (request: Request, response: Response, next: string, trouble?: LoginTrouble): void => {
    const { secure, client } = tell(request);
    const inClear = !secure && !isThisMachine(client);
    response.type('html').send(loginPage({ installation, next, inClear, trouble }));
  };

  const enter = async (request: Request, response: Response, tokenId: string): Promise<void> => {
    const cookie = sessionCookie(request, tell(request));
    // The one before it is over: who logs in anew does not leave it open.
    await sessions.end(readCookie(request.headers.cookie, cookie.name));
    const { cookie: value } = await sessions.create(tokenId);
    response.cookie(cookie.name, value, cookie.options);
  };

  router.get('/login', async (request, response) => {
    const next = localPath(request.query['next']);
    if ((await visitors.inSession(request, { use: true })) !== undefined) return response.redirect(303, next);
    show(request, response, next, request.query['ended'] === undefined ? undefined : { is: 'ended' });
  });

  router.post(
    '/login',
    express.urlencoded({ extended: false, limit: MAX_BODY }),
    express.json({ limit: MAX_BODY }),
    async (request, response) => {
      const body = (request.body ?? {}) as Record<string, unknown>;
      const next = localPath(body['next']);
      const { client } = tell(request);
      const text = typeof body['token'] === 'string' ? body['token'].trim() : '';
      const admission = await desk.admit(text, client);
      if (admission.is !== 'admitted') {
        if (admission.is === 'wait') response.set('Retry-After', String(Math.ceil(admission.ms / 1000)));
        response.status(admission.is === 'wait' ? 429 : 401);
        return show(request, response, next, troubleOf(admission));
      }
      const { name, role, tokenId } = admission.person;
      await enter(request, response, tokenId);
      log.info({ who: name, role, client }, 'logged in to the dashboard');
      response.redirect(303, next);
    },
  );

  router.get('/logout', async (request, response) => {
    const visitor = await visitors.inSession(request, { use: true });
    if (visitor === undefined) return response.redirect(303, '/login');
    response
      .type('html')
      .send(logoutPage({ installation, name: visitor.person.name, csrfToken: visitor.session.csrfToken }));
  });

  router.post(
    '/logout',
    express.urlencoded({ extended: false, limit: MAX_BODY }),
    async (request, response) => {
      const { name, options: cookieOptions } = sessionCookie(request, tell(request));
      const cookie = readCookie(request.headers.cookie, name);
      // Whatever has become of its token: whoever holds the cookie may end it.
      const session = await sessions.find(cookie, { use: false });
      if (session !== undefined) {
        if (!mayEnd(request, session))
          return refuse(response, 403, 'permission_denied', 'Log out by the dashboard’s own page');
        await sessions.end(cookie);
        log.info({ tokenId: session.tokenId, client: tell(request).client }, 'logged out of the dashboard');
      }
      response.clearCookie(name, cookieOptions);
      if (request.accepts(['json', 'html']) === 'html') return response.redirect(303, '/login');
      response.status(204).end();
    },
  );

  return router;
}

/** By a form, or by a script. */
function mayEnd(request: Request, { csrfToken }: Session): boolean {
  const body = (request.body ?? {}) as Record<string, unknown>;
  return hasCsrfToken(body['csrf'], csrfToken) || hasCsrfToken(request.headers['x-csrf-token'], csrfToken);
}

const troubleOf = (admission: Exclude<Admission, { is: 'admitted' }>): LoginTrouble =>
  admission.is === 'wait' ? { is: 'wait', seconds: Math.ceil(admission.ms / 1000) } : { is: admission.why };

/** What never leaves it cannot be read on its way. */
const isThisMachine = (client: string): boolean => client.startsWith('127.') || client.startsWith('0:0:0:0:');

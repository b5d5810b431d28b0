import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { sessionCookie, type TellConnection } from './connection.ts';
import { readCookie } from './cookies.ts';
import { hasCsrfToken, mayChange } from './forgery.ts';
import type { Desk, Person } from './person.ts';
import { refuse } from './refusal.ts';
import type { Session, Sessions } from './sessions.ts';

/** Who sent a request. A browser has a session, a program has not. */
export type Visitor = { person: Person; session?: Session };

const BEARER = /^Bearer +(\S+)$/i;
/** Bull Board's page sends the second, of its own accord. */
const CSRF_HEADERS = ['x-csrf-token', 'x-xsrf-token'];

/** Knows those who send requests: a browser by its cookie, a program by `Authorization: Bearer TOKEN`. */
export class Visitors {
  readonly #desk: Desk;
  readonly #sessions: Sessions;
  readonly #tell: TellConnection;
  readonly #known = new WeakMap<IncomingMessage, Visitor>();

  constructor(options: { desk: Desk; sessions: Sessions; tell: TellConnection }) {
    this.#desk = options.desk;
    this.#sessions = options.sessions;
    this.#tell = options.tell;
  }

  /** Whoever got past `guard` with this request. */
  of(request: IncomingMessage): Visitor {
    const visitor = this.#known.get(request);
    if (visitor === undefined) throw new Error('A request came by no guard');
    return visitor;
  }

  /** Whose browser sent it, for those who answer it for long; undefined: it came by no guard, or is a program's. */
  async again(request: IncomingMessage): Promise<Person | 'ended' | undefined> {
    if (this.#known.get(request)?.session === undefined) return undefined;
    return (await this.inSession(request, { use: false }))?.person ?? 'ended';
  }

  /** Whose cookie came with the request, while both session and token are good. */
  async inSession(
    request: IncomingMessage,
    { use }: { use: boolean },
  ): Promise<Required<Visitor> | undefined> {
    const { name } = sessionCookie(request, this.#tell(request));
    const session = await this.#sessions.find(readCookie(request.headers.cookie, name), { use });
    if (session === undefined) return undefined;
    const person = await this.#desk.recall(session.tokenId);
    return person === undefined ? undefined : { person, session };
  }

  /** Lets those through who are known; a browser that changes something has to bring its session's token, too. */
  get guard(): RequestHandler {
    return async (request, response, next) => {
      const authorization = request.headers.authorization;
      const visitor =
        authorization === undefined
          ? await this.inSession(request, { use: true })
          : await this.#byToken(authorization, request, response);
      if (response.headersSent) return;
      if (visitor === undefined) return this.#turnAway(request, response);
      if (mayChange(request.method) && visitor.session !== undefined && !hasToken(request, visitor.session))
        return refuse(
          response,
          403,
          'permission_denied',
          'The token of your session did not come along, or is not right: load the page again',
        );
      this.#known.set(request, visitor);
      next();
    };
  }

  async #byToken(authorization: string, request: Request, response: Response): Promise<Visitor | undefined> {
    const text = BEARER.exec(authorization.trim())?.[1] ?? '';
    const admission = await this.#desk.admit(text, this.#tell(request).client);
    if (admission.is === 'admitted') return { person: admission.person };
    if (admission.is === 'wait') {
      response.set('Retry-After', String(Math.ceil(admission.ms / 1000)));
      refuse(response, 429, 'resource_exhausted', 'Too many wrong tokens came from your address: wait');
    } else refuse(response, 401, 'unauthenticated', `The token is no good: it is ${admission.why}`);
    return undefined;
  }

  /** A person to the login, a program to its senses. */
  #turnAway(request: Request, response: Response): void {
    if (request.method === 'GET' && request.accepts(['json', 'html']) === 'html') {
      const { name } = sessionCookie(request, this.#tell(request));
      const ended = readCookie(request.headers.cookie, name) === undefined ? '' : '&ended=1';
      return response.redirect(303, `/login?next=${encodeURIComponent(request.originalUrl)}${ended}`);
    }
    response.set('WWW-Authenticate', 'Bearer');
    refuse(response, 401, 'unauthenticated', 'Log in at /login, or send Authorization: Bearer TOKEN');
  }
}

const hasToken = (request: Request, { csrfToken }: Session): boolean =>
  CSRF_HEADERS.some((header) => hasCsrfToken(request.headers[header], csrfToken));

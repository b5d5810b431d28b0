import type { Queue } from 'bullmq';
import { Router, type RequestHandler, type Response } from 'express';
import type { Logger } from '../infra/logger.ts';
import { messageOf } from '../infra/message-of.ts';
import { mayAct, type Role } from '../model/access.ts';
import { bullBoard } from './board.ts';
import { boardAct } from './board-acts.ts';
import type { TellConnection } from './connection.ts';
import { mayChange } from './forgery.ts';
import { bullBoardPolicy } from './headers.ts';
import { awayPage } from './pages.ts';
import { refuse } from './refusal.ts';
import type { Visitors } from './visitors.ts';

type Act = { who: string; role: Role; tokenId: string; what: string; target: string; why: string };
type Outcome = { outcome: string; message?: string };

/** Where it is put on record who did what: the audit of the control API. */
export type Trail = {
  /** Before the act, and gives what is called after it. Rejects where it cannot be recorded: then it is not done. */
  begin(act: Act): Promise<(outcome: Outcome) => Promise<void>>;
  refused(act: Act, outcome: Outcome): Promise<void>;
};

export type BoardsOptions = {
  installation: string;
  /** Rejects while Redis is away. */
  queues: () => Promise<readonly Queue[]>;
  visitors: Visitors;
  trail: Trail;
  tell: TellConnection;
  log: Logger;
};

const BASE_PATH = '/queues';
/** Bull Board's page reads it by this name, and sends it back with whatever changes something. */
const CSRF_COOKIE = 'XSRF-TOKEN';

/** Bull Board for those who are logged in: viewers look, operators act, and whatever they do is on record. */
export function boards(options: BoardsOptions): Router {
  const { installation, visitors, tell, log } = options;
  const router = Router();
  router.use(bullBoardPolicy);
  router.use((request, response, next) => {
    const { session } = visitors.of(request);
    if (session !== undefined && request.accepts(['json', 'html']) === 'html')
      response.cookie(CSRF_COOKIE, session.csrfToken, {
        sameSite: 'strict',
        secure: tell(request).secure,
        path: BASE_PATH,
      });
    next();
  });
  router.use(judge(options));
  const open = opening(options);
  router.use(async (request, response, next) => {
    let board: Boards;
    try {
      board = await open();
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'Bull Board cannot be shown');
      response.status(503).set('Retry-After', '5');
      if (request.accepts(['json', 'html']) === 'html')
        return void response
          .type('html')
          .send(awayPage({ installation, what: 'Redis does not answer, and the queues are in it.' }));
      return refuse(response, 503, 'unavailable', 'Redis does not answer: try again in a moment');
    }
    const { role } = visitors.of(request).person;
    (mayAct(role, 'operator') ? board.forOperators : board.forViewers)(request, response, next);
  });
  return router;
}

type Boards = { forViewers: Router; forOperators: Router };

/** Made at the first use that finds Redis there. */
function opening({ installation, queues }: BoardsOptions): () => Promise<Boards> {
  let opened: Boards | undefined;
  return async () => {
    if (opened !== undefined) return opened;
    const shown = { queues: await queues(), basePath: BASE_PATH, title: `Queues · ${installation}` };
    return (opened ??= {
      forViewers: bullBoard({ ...shown, readOnly: true }),
      forOperators: bullBoard({ ...shown, readOnly: false }),
    });
  };
}

/** Who may not change anything is refused before Bull Board hears of it; what is done, or was refused, is on record. */
const judge =
  ({ visitors, trail }: BoardsOptions): RequestHandler =>
  async (request, response, next) => {
    if (!mayChange(request.method)) return next();
    const { name, role, tokenId } = visitors.of(request).person;
    const known = boardAct(request.method, request.path);
    const { what, target } = known ?? {
      what: 'BullBoard/Other',
      target: `${request.method} ${request.path}`,
    };
    const act: Act = { who: name, role, tokenId, what, target, why: 'in Bull Board' };
    const no = async (message: string): Promise<void> => {
      await trail.refused(act, { outcome: 'permission_denied', message });
      refuse(response, 403, 'permission_denied', message);
    };
    if (!mayAct(role, 'operator')) return no(`${name} is ${role}, and that needs operator`);
    if (known === undefined)
      return no(
        'Jobs and alarms are not written by hand: retry, promote or remove a job, or pause a schedule',
      );
    whenAnswered(response, await trail.begin(act));
    next();
  };

/** Bull Board answers all of its API by JSON: with what it answers, the outcome is known. */
function whenAnswered(response: Response, end: (outcome: Outcome) => Promise<void>): void {
  const answer = response.json.bind(response);
  response.json = (body: unknown) => {
    void end(outcomeOf(response.statusCode, body));
    return answer(body);
  };
}

function outcomeOf(status: number, body: unknown): Outcome {
  if (status < 400) return { outcome: 'done' };
  const { error, message } = (body ?? {}) as { error?: unknown; message?: unknown };
  const outcome = status === 404 ? 'not_found' : status < 500 ? 'failed_precondition' : 'internal';
  const told = [message, error].find((text) => typeof text === 'string') ?? `Bull Board answered ${status}`;
  return { outcome, message: String(told) };
}

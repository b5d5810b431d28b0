import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Queue } from 'bullmq';
import { dashboardApp } from '../../dashboard/app.ts';
import type { Trail } from '../../dashboard/boards.ts';
import type { Admission, Desk } from '../../dashboard/person.ts';
import { Sessions } from '../../dashboard/sessions.ts';
import { Visitors } from '../../dashboard/visitors.ts';
import type { Authenticate } from '../../producers/control/api/authentication.ts';
import { Audit } from '../../producers/control/changes/audit.ts';
import { Exhausted, Unauthenticated } from '../../producers/control/errors.ts';
import { connectionOf } from '../../producers/control/server/connection.ts';
import { proxiesOf } from '../../producers/control/server/proxies.ts';
import type { TokenGate } from '../../producers/control/tokens/gate.ts';
import type { TokenVerifier } from '../../producers/control/tokens/verifier.ts';
import type { ApiConnections } from '../api/connections.ts';

type App = (request: IncomingMessage, response: ServerResponse) => void;

export type OpenDashboard = {
  /** The dashboard, over the API that its pages call. */
  app: (api: App) => App;
  /** Callers of that API, by the browser's session. */
  authenticate: Authenticate;
};

/** The dashboard beside the control API: who may call the one may log in to the other. */
export function openDashboard(
  connections: ApiConnections,
  { gate, verifier }: { gate: TokenGate; verifier: TokenVerifier },
): OpenDashboard {
  const { settings, collections, now, log } = connections;
  const sessions = new Sessions({
    sessions: collections.browserSessions,
    now,
    randomBytes,
    log,
    idleMs: settings.DASHBOARD_SESSION_IDLE,
    maxAgeMs: settings.DASHBOARD_SESSION_MAX,
  });
  const isProxy = proxiesOf(settings.CONTROL_BEHIND_PROXY);
  const tell = (request: IncomingMessage) => connectionOf(request, isProxy);
  const access = { desk: deskOf(gate, verifier), sessions, tell };
  const visitors = new Visitors(access);
  const queues = async () => {
    const { bots, schedules, data } = await connections.queues();
    return [bots, schedules, data].flatMap(({ byName }) => Object.values<Queue>(byName));
  };
  const trail = trailOf(new Audit({ entries: collections.audit, now, log }));
  return {
    app: (api) =>
      dashboardApp({
        ...access,
        visitors,
        api,
        queues,
        trail,
        log,
        installation: settings.INSTALLATION,
      }),
    authenticate: async ({ request }) => {
      const person = request === undefined ? undefined : await visitors.again(request);
      if (person === 'ended')
        throw new Unauthenticated('session_ended', 'Your session has ended', 'log in again');
      return person;
    },
  };
}

const REFUSALS: Readonly<Record<string, Extract<Admission, { is: 'refused' }>['why']>> = {
  token_malformed: 'malformed',
  token_unknown: 'unknown',
  token_expired: 'expired',
  token_revoked: 'revoked',
};

const deskOf = (gate: TokenGate, verifier: TokenVerifier): Desk => ({
  admit: async (text, client) => {
    try {
      return { is: 'admitted', person: await gate(text, client) };
    } catch (error) {
      if (error instanceof Exhausted) return { is: 'wait', ms: error.retryAfterMs ?? 1_000 };
      if (!(error instanceof Unauthenticated)) throw error;
      return { is: 'refused', why: REFUSALS[error.code] ?? 'unknown' };
    }
  },
  recall: async (tokenId) => {
    try {
      return await verifier.recall(tokenId);
    } catch (error) {
      if (error instanceof Unauthenticated) return undefined;
      throw error;
    }
  },
});

const trailOf = (audit: Audit): Trail => ({
  begin: async (act) => {
    const entry = await audit.begin(act);
    return (outcome) => audit.end(entry, outcome);
  },
  refused: (act, outcome) => audit.refused(act, outcome),
});

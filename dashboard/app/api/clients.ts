import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { BotService } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { EventService } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { InstallationService } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { LogService } from '../../../proto/gen/the0/runtime/v1/logs_pb.js';
import { QueryService } from '../../../proto/gen/the0/runtime/v1/queries_pb.js';
import { QueueService } from '../../../proto/gen/the0/runtime/v1/queues_pb.js';
import { RunService } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { ScheduleService } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { StateService } from '../../../proto/gen/the0/runtime/v1/state_pb.js';
import { UsageService } from '../../../proto/gen/the0/runtime/v1/usage_pb.js';
import { sawFailure } from './connection.ts';
import { renewSession, session } from './session.ts';

/** The dashboard's server lets a session call the API only with the secret that pages of other sites cannot read. */
const withCsrfToken: Interceptor = (next) => (request) => {
  const token = session.peek()?.csrfToken;
  if (token !== undefined) request.header.set('x-csrf-token', token);
  return next(request);
};

/** Whoever fails tells: one call that is refused for its session is enough to know that all will be. */
const watched: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    if (!request.signal.aborted) {
      sawFailure(error);
      // Somebody logged in anew in another tab: this page's secret is that of a session which is gone.
      if (ConnectError.from(error).code === Code.PermissionDenied) void renewSession().catch(() => undefined);
    }
    throw error;
  }
};

/** Nobody looks at a spinner for longer; streams have no such end. */
const TIMEOUT_MS = 30_000;

const transport = createConnectTransport({
  baseUrl: '/api',
  interceptors: [withCsrfToken, watched],
  defaultTimeoutMs: TIMEOUT_MS,
});
const streaming = createConnectTransport({ baseUrl: '/api', interceptors: [withCsrfToken, watched] });

export const bots = createClient(BotService, transport);
export const schedules = createClient(ScheduleService, transport);
export const runs = createClient(RunService, transport);
export const states = createClient(StateService, transport);
export const queries = createClient(QueryService, transport);
export const queues = createClient(QueueService, transport);
export const usage = createClient(UsageService, transport);
export const installation = createClient(InstallationService, transport);
export const records = createClient(EventService, transport);
export const logs = createClient(LogService, transport);

export const liveEvents = createClient(EventService, streaming);
export const liveLogs = createClient(LogService, streaming);

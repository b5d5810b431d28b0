import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { DescMessage } from '@bufbuild/protobuf';
import type { Registry } from 'prom-client';
import type { Logger } from '../../../infra/logger.ts';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { messageOf } from '../../../infra/message-of.ts';
import { Audit } from '../changes/audit.ts';
import { Idempotency } from '../changes/idempotency.ts';
import { ControlError } from '../errors.ts';
import { authentication, type Authenticate } from './authentication.ts';
import { authorization } from './authorization.ts';
import { callMetrics, snakeCase } from './call-metrics.ts';
import { callerKey } from './caller.ts';
import { changes } from './changes.ts';
import { deadlines } from './deadline.ts';
import { failureTeller, type Failure, type TellFailure } from './failures.ts';
import { methodName } from './method-roles.ts';
import { traces } from './traces.ts';
import { validation } from './validation.ts';

export type InterceptorDeps = {
  authenticate: Authenticate;
  collections: Pick<Collections, 'audit' | 'idempotency' | 'wishTraces'>;
  log: Logger;
  now: () => Date;
  newId: () => string;
  /** Unset: calls are not counted. */
  registry?: Registry;
  /** For calls that bring no deadline of their own; streams have none. */
  deadlineMs?: number;
};

const DEADLINE_MS = 60_000;

/** What holds for every call, outermost first: the same over the network and within a process. */
export function apiInterceptors(deps: InterceptorDeps): Interceptor[] {
  const { authenticate, collections, log, now, newId } = deps;
  const audit = new Audit({ entries: collections.audit, now, log });
  const idempotency = new Idempotency({ requests: collections.idempotency, newId, log });
  const tell = failureTeller(newId);
  return [
    ...(deps.registry === undefined ? [] : [callMetrics({ registry: deps.registry })]),
    failures(tell, log),
    deadlines({ defaultMs: deps.deadlineMs ?? DEADLINE_MS }),
    authentication(authenticate),
    authorization({ audit }),
    validation(),
    traces(collections),
    changes({ audit, idempotency, outcomeOf: (error, desc) => outcomeOf(tell(error, jsonNames(desc))) }),
  ];
}

/** Whatever goes wrong is told as one of the standard codes, and what nobody expected is logged. */
function failures(tell: TellFailure, log: Logger): Interceptor {
  return (next) => async (request) => {
    const fail = (thrown: unknown): never => {
      if (request.signal.aborted && isEnd(thrown, request.signal))
        throw ConnectError.from(request.signal.reason ?? thrown, Code.Canceled);
      const { error, unexpected } = tell(thrown, jsonNames(request.method.input));
      if (unexpected)
        log.error(
          {
            what: methodName(request.method),
            who: request.contextValues.get(callerKey).name,
            told: error.rawMessage,
            error: messageOf(thrown),
            stack: thrown instanceof Error ? thrown.stack : undefined,
          },
          'An API call failed unexpectedly',
        );
      throw error;
    };
    try {
      const answer = await next(request);
      return answer.stream ? { ...answer, message: caught(answer.message, request.signal, fail) } : answer;
    } catch (error) {
      return fail(error);
    }
  };
}

async function* caught<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  fail: (error: unknown) => never,
): AsyncIterable<T> {
  try {
    yield* messages;
    // A handler that was told to end has ended; its reader must not take that for the end of what there is.
    signal.throwIfAborted();
  } catch (error) {
    fail(error);
  }
}

/** A handler that heard that its caller has gone, or is late. */
const isEnd = (thrown: unknown, signal: AbortSignal): boolean =>
  thrown === signal.reason || (thrown instanceof Error && thrown.name === 'AbortError');

const jsonNames = ({ fields }: DescMessage): ReadonlySet<string> =>
  new Set(fields.map(({ jsonName }) => jsonName));

/** As the audit names it: by the error's own code where it has one, else by the standard one. */
const outcomeOf = ({ error }: Failure): { outcome: string; message: string } => ({
  outcome: error.cause instanceof ControlError ? error.cause.code : snakeCase(Code[error.code]),
  message: error.rawMessage,
});

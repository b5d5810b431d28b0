import { Code, ConnectError } from '@connectrpc/connect';
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ProblemSchema } from '../../../proto/gen/the0/runtime/v1/common_pb.js';
import { ControlError, Exhausted, NotFound, Unavailable, type Dependency, type Refusal } from '../errors.ts';
import { dependencyAway } from './outages.ts';

const CODES: Readonly<Record<Refusal, Code>> = {
  invalid: Code.InvalidArgument,
  'not-found': Code.NotFound,
  conflict: Code.Aborted,
  exists: Code.AlreadyExists,
  precondition: Code.FailedPrecondition,
  unauthenticated: Code.Unauthenticated,
  denied: Code.PermissionDenied,
  exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  late: Code.DeadlineExceeded,
  // Neither the request nor we are to blame, as far as can be told.
  program: Code.Unknown,
};

/** What operations call an argument, where the request calls it otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  why: 'change.reason',
  requestId: 'change.idempotencyKey',
  runId: 'id',
  botId: 'id',
};

/** A failure as the caller hears it, and whether it is our own fault, which the log has to know. */
export type Failure = { error: ConnectError; unexpected: boolean };

/** `fields`: those of the request, by their JSON names. */
export type TellFailure = (thrown: unknown, fields: ReadonlySet<string>) => Failure;

/** The same error is told in the same words, to the caller and to the audit. */
export function failureTeller(newId: () => string): TellFailure {
  const told = new WeakMap<object, Failure>();
  return (thrown, fields) => {
    if (typeof thrown !== 'object' || thrown === null) return failureOf(thrown, fields, newId);
    const failure = told.get(thrown) ?? failureOf(thrown, fields, newId);
    told.set(thrown, failure);
    return failure;
  };
}

/**
 * Whatever an operation threw, as one of the standard codes with a `Problem` for programs. What nobody expected is told
 * without its text, which may hold anything.
 */
function failureOf(thrown: unknown, fields: ReadonlySet<string>, newId: () => string): Failure {
  if (thrown instanceof ConnectError) return { error: thrown, unexpected: false };
  if (thrown instanceof ControlError) return { error: refusal(thrown, fields), unexpected: false };
  const dependency = dependencyAway(thrown);
  if (dependency !== undefined)
    return { error: refusal(unavailable(dependency, thrown), fields), unexpected: false };
  const incident = newId();
  return {
    error: problem(Code.Internal, {
      code: 'internal',
      message: `Something is wrong here; the log tells of it under ${incident}. It is not your request`,
      cure: `look for ${incident} in the log of whatever answers this API`,
      cause: thrown,
    }),
    unexpected: true,
  };
}

function refusal(error: ControlError, fields: ReadonlySet<string>): ConnectError {
  return problem(CODES[error.refusal], {
    code: error.code,
    message: error.message,
    field: fieldOf(error.field, fields),
    cure: error.cure,
    dependency: error instanceof Unavailable ? error.dependency : '',
    subject: error instanceof NotFound ? error.id : '',
    ...(error instanceof Exhausted ? { retryAfterMs: error.retryAfterMs } : {}),
    cause: error,
  });
}

/** Operations know of no requests: theirs are named after what they are, the request's after what stands there. */
function fieldOf(field: string, fields: ReadonlySet<string>): string {
  if (field === 'scheduleId') return fields.has('schedule') ? 'schedule' : 'id';
  return FIELDS[field] ?? field;
}

type Facts = {
  code: string;
  message: string;
  cure: string;
  field?: string;
  dependency?: string;
  subject?: string;
  retryAfterMs?: number | undefined;
  cause?: unknown;
};

/** An error with its detail. */
export function problem(code: Code, facts: Facts): ConnectError {
  const value = create(ProblemSchema, {
    code: facts.code,
    field: facts.field ?? '',
    cure: facts.cure,
    dependency: facts.dependency ?? '',
    subject: facts.subject ?? '',
    ...(facts.retryAfterMs === undefined ? {} : { retryAfter: durationFromMs(facts.retryAfterMs) }),
  });
  return new ConnectError(facts.message, code, undefined, [{ desc: ProblemSchema, value }], facts.cause);
}

const NAMES: Readonly<Record<Dependency, string>> = {
  mongodb: 'MongoDB',
  redis: 'Redis',
  nats: 'NATS',
  s3: 'S3',
  processors: 'Whatever runs processors',
  'query-server': 'The query server',
};

/** Without the driver's words, which name hosts and users. */
const unavailable = (dependency: Dependency, cause: unknown): Unavailable =>
  new Unavailable(
    dependency,
    `${NAMES[dependency]} does not answer`,
    'ask again once it is back; "the0-runtime doctor" says what is wrong with it',
    { cause },
  );

/** What kind of refusal it is: the API's codes and the command line's exit codes go by it. */
export type Refusal =
  | 'invalid'
  | 'not-found'
  | 'conflict'
  | 'exists'
  | 'precondition'
  | 'unauthenticated'
  | 'denied'
  | 'exhausted'
  | 'unavailable'
  | 'late'
  | 'program';

/** What an operation may need and find away. */
export type Dependency = 'mongodb' | 'redis' | 'nats' | 's3' | 'processors' | 'query-server';

/**
 * What an operation refuses, and why. `code` is for programs, `field` names the argument it is about, and the message
 * ends with the cure, so that it can be shown to a person as it is.
 */
export class ControlError extends Error {
  override readonly name: string = 'ControlError';
  /** Of what is told nothing else: something else has to change first. */
  readonly refusal: Refusal = 'precondition';
  readonly code: string;
  readonly field: string;
  readonly cure: string;
  constructor(code: string, field: string, problem: string, cure: string, options?: ErrorOptions) {
    super(`${problem}: ${cure}`, options);
    this.code = code;
    this.field = field;
    this.cure = cure;
  }
}

/** What there may not be. */
export type Kind =
  | 'bot'
  | 'schedule'
  | 'bot or schedule'
  | 'run'
  | 'state'
  | 'archive'
  | 'key'
  | 'queue'
  | 'job'
  | 'token'
  | 'rollout';

/** Where the ids of a kind are found. */
const LISTED: Readonly<Record<Kind, string>> = {
  bot: 'list the bots',
  schedule: 'list the schedules',
  'bot or schedule': 'list the bots and the schedules',
  run: 'list the runs',
  state: 'list the states',
  archive: 'show the state, which names its archives',
  key: 'show the state, which names its keys',
  queue: 'list the queues',
  job: 'list the jobs of the queue',
  token: 'list the tokens',
  rollout: 'list the roll-outs',
};

/** There is nothing of that kind and id. `field`: the argument that named it; unset: `scheduleId` and so on. */
export class NotFound extends ControlError {
  override readonly name = 'NotFound';
  override readonly refusal = 'not-found';
  readonly kind: Kind;
  readonly id: string;
  constructor(kind: Kind, id: string, field = kind === 'bot or schedule' ? 'id' : `${kind}Id`) {
    super(
      `${kind.replaceAll(' ', '_')}_not_found`,
      field,
      `There is no ${kind} ${JSON.stringify(id)}`,
      LISTED[kind],
    );
    this.kind = kind;
    this.id = id;
  }
}

/** An argument cannot be used as it is. */
export class InvalidRequest extends ControlError {
  override readonly name = 'InvalidRequest';
  override readonly refusal = 'invalid';
  constructor(field: string, problem: string, cure: string, code = 'invalid_request') {
    super(code, field, problem, cure);
  }
}

/** The schedule's own document says something that cannot be run; one line per problem, each naming its field. */
export class ScheduleInvalid extends ControlError {
  override readonly name = 'ScheduleInvalid';
  readonly problems: readonly string[];
  constructor(scheduleId: string, problems: readonly string[]) {
    super(
      'schedule_invalid',
      'config',
      `The schedule ${scheduleId} cannot run as it is (${problems.join('; ')})`,
      'correct its configuration and deploy it again',
    );
    this.problems = problems;
  }
}

/** A span of nominal times is longer, or holds more of them, than one operation may touch. */
export class TooMuch extends ControlError {
  override readonly name = 'TooMuch';
  override readonly refusal = 'invalid';
  constructor(field: string, problem: string, cure: string) {
    super('too_much', field, problem, cure);
  }
}

/** Something has to change before this can be done: the job is not failed, the bot has no state, ... */
export class FailedPrecondition extends ControlError {
  override readonly name = 'FailedPrecondition';
}

/** Another one is at the same thing at the same moment, or was quicker: asking again may succeed. */
export class Conflict extends ControlError {
  override readonly name = 'Conflict';
  override readonly refusal = 'conflict';
}

/** The same is there already, and is not what is asked for. */
export class AlreadyExists extends ControlError {
  override readonly name = 'AlreadyExists';
  override readonly refusal = 'exists';
}

/** Nobody is known by what was sent. */
export class Unauthenticated extends ControlError {
  override readonly name = 'Unauthenticated';
  override readonly refusal = 'unauthenticated';
  constructor(code: string, problem: string, cure: string) {
    super(code, '', problem, cure);
  }
}

/** The caller is known, and may not. */
export class PermissionDenied extends ControlError {
  override readonly name = 'PermissionDenied';
  override readonly refusal = 'denied';
  constructor(problem: string, cure: string) {
    super('permission_denied', '', problem, cure);
  }
}

/** More than there is room for: too many at once, or a reader that is too slow. */
export class Exhausted extends ControlError {
  override readonly name = 'Exhausted';
  override readonly refusal = 'exhausted';
  /** After how long asking again may succeed; undefined: not known. */
  retryAfterMs?: number;
}

/** What was waited for did not come in time. */
export class TooLate extends ControlError {
  override readonly name = 'TooLate';
  override readonly refusal = 'late';
}

/** A bot's own program was asked, and failed. */
export class ProgramFailed extends ControlError {
  override readonly name = 'ProgramFailed';
  override readonly refusal = 'program';
}

/** What it needs is away: nothing is wrong with the request, and it may be repeated. */
export class Unavailable extends ControlError {
  override readonly name = 'Unavailable';
  override readonly refusal = 'unavailable';
  readonly dependency: Dependency;
  constructor(dependency: Dependency, problem: string, cure: string, options?: ErrorOptions) {
    super(`${dependency}_unavailable`, '', problem, cure, options);
    this.dependency = dependency;
  }
}

import { Code, type ConnectError, type Interceptor } from '@connectrpc/connect';
import { createValidator, type Validator, type Violation } from '@bufbuild/protovalidate';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import type { Path } from '@bufbuild/protobuf/reflect';
import { problem } from './failures.ts';

const MAX_SHOWN = 60;
const MAX_VIOLATIONS = 5;

/** Requests that do not keep to the rules of the proto never reach a handler. Rules are compiled at their first use. */
export function validation(validator: Validator = createValidator()): Interceptor {
  const check = (desc: DescMessage, message: Message): void => {
    const result = validator.validate(desc, message);
    if (result.kind === 'valid') return;
    if (result.kind === 'error') throw result.error;
    throw refusal(message, result.violations);
  };
  return (next) => async (request) => {
    const { input } = request.method;
    if (!request.stream) {
      check(input, request.message);
      return next(request);
    }
    return next({ ...request, message: checked(request.message, (message) => check(input, message)) });
  };
}

async function* checked<T>(messages: AsyncIterable<T>, check: (message: T) => void): AsyncIterable<T> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}

function refusal(message: Message, violations: readonly Violation[]): ConnectError {
  const [first] = violations;
  const told = violations.slice(0, MAX_VIOLATIONS).map((violation) => told1(message, violation));
  const more = violations.length - told.length;
  return problem(Code.InvalidArgument, {
    code: 'invalid_request',
    message: `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    field: first === undefined ? '' : jsonPath(first.field),
    cure: first === undefined ? 'correct the request' : cureOf(first),
  });
}

/** `page.size=5000: must be less than or equal to 1000`. */
function told1(message: Message, violation: Violation): string {
  const path = jsonPath(violation.field);
  if (path === '') return violation.message;
  const value = valueAt(message, violation.field);
  return `${path}${value === undefined ? '' : `=${shown(value)}`}: ${cureOf(violation)}`;
}

const cureOf = ({ message, ruleId }: Violation): string =>
  ruleId === 'required' ? 'a value is needed' : message.replace(/^value /, '');

function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)` : text;
}

/** As the request's JSON names it: `change.reason`, `filter.phases[1]`. */
function jsonPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (step.kind === 'field') text += `${text === '' ? '' : '.'}${step.jsonName}`;
    else if (step.kind === 'oneof') text += `${text === '' ? '' : '.'}${step.name}`;
    else if (step.kind === 'list_sub') text += `[${step.index}]`;
    else if (step.kind === 'map_sub') text += `[${JSON.stringify(step.key)}]`;
  }
  return text;
}

/** Undefined where it is no value that fits into a sentence. */
function valueAt(message: Message, path: Path): unknown {
  let value: unknown = message;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (step.kind === 'field') {
      const holder = value as Record<string, unknown>;
      const { oneof, localName } = step;
      if (oneof === undefined) value = holder[localName];
      else {
        const chosen = holder[oneof.localName] as { case?: string; value?: unknown } | undefined;
        value = chosen?.case === localName ? chosen.value : undefined;
      }
    } else if (step.kind === 'list_sub') value = (value as unknown[])[step.index];
    else return undefined;
  }
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ? value : undefined;
}

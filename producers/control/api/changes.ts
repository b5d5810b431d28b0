import type { Interceptor, UnaryRequest, UnaryResponse } from '@connectrpc/connect';
import { clearField, clone, fromBinary, toBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import type { Act, Audit } from '../changes/audit.ts';
import type { Idempotency } from '../changes/idempotency.ts';
import { answeredKey } from './answered.ts';
import { callerKey, type Caller } from './caller.ts';
import { changeOf, isChange, requestHash, targetOf, tellingOf } from './change-request.ts';
import { methodName } from './method-roles.ts';

export type ChangeDeps = {
  audit: Audit;
  idempotency: Idempotency;
  /** The name of what an act threw, as the audit has it: `not_found`, ... */
  outcomeOf: (error: unknown, desc: DescMessage) => { outcome: string; message: string };
};

/** Whatever changes something is on record before it is done, and is done once for each key. */
export function changes(deps: ChangeDeps): Interceptor {
  return (next) => async (request) => {
    if (request.stream || !isChange(request.method.input)) return next(request);
    const change = changeOf(request.message);
    if (change === undefined) return next(request);
    const caller = request.contextValues.get(callerKey);
    const act = () => recorded(deps, request, caller, change.reason, next);
    if (change.idempotencyKey === '') return act();

    const { input, output } = request.method;
    let done: UnaryResponse | undefined;
    const { bytes } = await deps.idempotency.once(
      {
        caller: caller.tokenId ?? caller.name,
        key: change.idempotencyKey,
        what: methodName(request.method),
        hash: requestHash(input, request.message),
      },
      async () => {
        done = await act();
        return { bytes: toBinary(output, withoutSecrets(output, done.message)) };
      },
      request.signal,
    );
    if (done !== undefined) return done;
    request.contextValues.set(answeredKey, fromBinary(output, bytes));
    return next(request);
  };
}

async function recorded(
  { audit, outcomeOf }: ChangeDeps,
  request: UnaryRequest,
  caller: Caller,
  why: string,
  next: Parameters<Interceptor>[0],
): Promise<UnaryResponse> {
  const entry = await audit.begin(actOf(request, caller, why));
  try {
    const answer = await next(request);
    if (answer.stream) throw new Error('A change was answered by a stream');
    await audit.end(entry, { outcome: 'done', ...tellingOf(answer.message) });
    return answer;
  } catch (error) {
    await audit.end(entry, outcomeOf(error, request.method.input));
    throw error;
  }
}

/** What the audit says of a request. */
export const actOf = (request: UnaryRequest, caller: Caller, why: string): Act => ({
  who: caller.name,
  role: caller.role,
  ...(caller.tokenId === undefined ? {} : { tokenId: caller.tokenId }),
  what: methodName(request.method),
  target: targetOf(request.message),
  why,
});

/** What is shown once is kept nowhere. */
function withoutSecrets(desc: DescMessage, message: Message): Message {
  const secret = desc.fields.filter(({ proto }) => proto.options?.debugRedact === true);
  if (secret.length === 0) return message;
  const kept = clone(desc, message);
  for (const field of secret) clearField(kept, field);
  return kept;
}

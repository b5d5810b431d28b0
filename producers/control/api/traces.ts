import type { Interceptor } from '@connectrpc/connect';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { noteWish } from '../../../infra/mongo/wish-traces.ts';
import { inSpan, isTracing } from '../../../infra/tracing/tracing.ts';
import { callerKey } from './caller.ts';
import { changeOf, isChange, targetOf } from './change-request.ts';
import { methodName } from './method-roles.ts';

/** Whatever changes something is traced, from its caller's trace on where that sends one, to what comes of it. */
export function traces({ wishTraces }: Pick<Collections, 'wishTraces'>): Interceptor {
  return (next) => async (request) => {
    if (!isTracing() || request.stream || !isChange(request.method.input)) return next(request);
    if (changeOf(request.message) === undefined) return next(request);
    const target = targetOf(request.message);
    const name = methodName(request.method);
    const parent = request.header.get('traceparent') ?? undefined;
    const fields = {
      'rpc.method': name,
      'the0.id': target,
      'the0.role': request.contextValues.get(callerKey).role,
    };
    return inSpan(name, { kind: 'server', parent, entry: true, fields }, async () => {
      // Before the wish is written: a planner may act on it at once. What cannot be left word of is done all the same.
      if (name.startsWith('BotService/') && target !== '')
        await noteWish(wishTraces, target).catch(() => undefined);
      return next(request);
    });
  };
}

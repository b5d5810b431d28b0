import { fromJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { QueryService } from '../../../proto/gen/the0/runtime/v1/queries_pb.js';
import { InvalidRequest } from '../errors.ts';
import type { AskQuery } from '../queries/ask.ts';
import { lasting, msOf } from './wire.ts';

/** Of a query that names none; the query server's own default. */
const DEFAULT_MS = 30_000;
/** Of what is left to the caller's deadline, for the way back. */
const WAY_BACK_MS = 200;

export function queryService({ ask }: { ask: AskQuery }): ServiceImpl<typeof QueryService> {
  return {
    query: async ({ id, path, params, timeout }, { signal, timeoutMs: left }) => {
      const wanted = msOf(timeout) ?? DEFAULT_MS;
      if (wanted <= 0)
        throw new InvalidRequest('timeout', `It is ${wanted / 1000} s`, 'give a time above 0, or none');
      const until = left() ?? Infinity;
      const { data, exact, tookMs } = await ask(
        {
          id,
          path,
          params: params ?? {},
          // So that the program is stopped when nobody waits for it any more, and the caller hears why.
          timeoutMs: Math.max(1, Math.min(wanted, until - WAY_BACK_MS)),
        },
        signal,
      );
      return { data: fromJson(ValueSchema, data), exactJson: exact ?? '', took: lasting(tookMs) };
    },
  };
}

import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Client,
  type Transport,
} from '@connectrpc/connect';
import type { DescService } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { ApiConnections } from '../../cli/api/connections.ts';
import { apiServices } from '../../cli/api/services.ts';
import { openApiConnections } from '../../cli/roles/api-connections.ts';
import { ProblemSchema } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import { apiInterceptors } from '../../producers/control/api/interceptors.ts';
import { registerServices, type ApiServices } from '../../producers/control/api/services.ts';
import { roleContext } from './runner.ts';

export type InProcessApi = AsyncDisposable & {
  connections: ApiConnections;
  /** `who`: in whose name; each may everything. */
  client<S extends DescService>(service: S, who?: string): Client<S>;
};

/** The API's handlers with all that holds for every call, over real servers, and no network before them. */
export async function startInProcessApi(
  environment: Readonly<Record<string, string>>,
  changes: (connections: ApiConnections) => ApiServices = () => ({}),
): Promise<InProcessApi> {
  const context = roleContext({ environment });
  context.health.start();
  const connections = await openApiConnections(context);
  const { collections, log, now, newId } = connections;
  const services = { ...apiServices(connections), ...changes(connections) };
  context.lifecycle.started();
  const transportOf = (who: string): Transport =>
    createRouterTransport((router) => registerServices(router, services), {
      router: {
        interceptors: apiInterceptors({
          authenticate: async () => ({ name: who, role: 'admin' }),
          collections,
          log,
          now,
          newId,
        }),
      },
    });
  return {
    connections,
    client: (service, who = 'ann@desk') => createClient(service, transportOf(who)),
    async [Symbol.asyncDispose]() {
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
      context.health.stop();
    },
  };
}

/** How a call was refused: its code and what programs read. Fails where it was not. */
export async function refusalOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('It was not refused');
  const [problem] = error.findDetails(ProblemSchema);
  return {
    status: Code[error.code],
    message: error.rawMessage,
    code: problem?.code,
    field: problem?.field,
    dependency: problem?.dependency,
    ...(problem?.retryAfter === undefined ? {} : { retryAfterMs: durationMs(problem.retryAfter) }),
  };
}

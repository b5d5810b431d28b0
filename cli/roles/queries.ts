import { ownContainerId } from '../../infra/own-container.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import type { LauncherDeps } from '../../processors/launch.ts';
import { createQueryWorker, queryContext } from '../../processors/query/query-worker.ts';
import { sweepQueriesPeriodically } from '../../processors/query/sweep.ts';
import { QueryServer } from '../../producers/query/server.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import type { ScheduleWorking } from './schedule-workers.ts';
import { openServices, type Services } from './services.ts';

/** Takes the platform's queries; query programs are got ready by processors, which hold the engine. */
export async function startQueryServing(context: RoleContext): Promise<Services> {
  const services = await openServices(context, { needsEngine: false });
  await startQueryServer(context, services);
  context.lifecycle.started();
  return services;
}

export async function startQueryServer(
  { settings, log, lifecycle, metrics }: RoleContext,
  { collections, dataQueues }: Services,
): Promise<{ host: string; port: number }> {
  const server = new QueryServer({
    settings,
    collections,
    queues: dataQueues,
    registry: metrics.registry,
    ownContainer: ownContainerId(),
    newId: () => crypto.randomUUID(),
    log,
  });
  const address = await server.start();
  lifecycle.onDrain('query server', () => server.close());
  log.info({ url: `http://${address.host}:${address.port}` }, 'queries are taken');
  return address;
}

/** Gets query programs ready. */
export function queryWorker(
  { context, services, standby }: ScheduleWorking,
  launching: LauncherDeps,
): RoleWorker {
  return createQueryWorker({
    launching,
    collections: services.collections,
    connection: services.workerRedis(),
    concurrency: context.settings.QUERIES_AT_ONCE,
    standby,
    log: context.log,
    onOutcome: services.queueMetrics.count.bind(services.queueMetrics),
    onError: () => {
      // The connection's own outage log has said it; without a listener the process would die of it.
    },
  });
}

/** One process at a time ends query programs that nobody asks. */
export function startQuerySweep(
  context: RoleContext,
  { collections }: Services,
  launching: LauncherDeps,
): void {
  doAlone(context, collections, {
    lease: 'query-sweep',
    what: 'query sweep',
    work: ({ signal }) =>
      sweepQueriesPeriodically(queryContext({ launching, collections, log: context.log }), signal),
  });
}

import { request } from 'node:http';
import { Registry } from 'prom-client';
import { launching } from '../../cli/roles/launching.ts';
import { openServices, type Services } from '../../cli/roles/services.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { BotDocument } from '../../model/bots.ts';
import { queryContext, createQueryWorker } from '../../processors/query/query-worker.ts';
import type { QueryContext } from '../../processors/query/context.ts';
import { QueryServer } from '../../producers/query/server.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { roleContext } from '../support/runner.ts';
import type { TestServers } from '../support/servers.ts';

export type Answer = {
  http: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  body: {
    status: string;
    data?: unknown;
    error?: string;
    available?: unknown;
    duration: number;
    timestamp: string;
  };
};

export type QueryWorld = AsyncDisposable & {
  readonly services: Services;
  readonly context: QueryContext;
  readonly port: number;
  /** A bot (or schedule) with a query program. */
  bot(options?: {
    config?: Record<string, unknown>;
    runtime?: string;
    query?: string | undefined;
    kind?: 'bots' | 'schedules';
    filePath?: string;
    entry?: string;
  }): Promise<string>;
  ask(
    botId: string,
    path: string,
    more?: { params?: Record<string, unknown>; timeout_sec?: number; signal?: AbortSignal },
  ): Promise<Answer>;
  send(
    body: string | Buffer,
    more?: { method?: string; path?: string; headers?: Record<string, string> },
  ): Promise<Answer>;
  filePath: string;
};

/** Query server and worker in this process, on real servers, with the given engine. */
export async function openQueryWorld(options: {
  servers: TestServers;
  engine: Engine;
  code: Readonly<Record<string, string>>;
  environment?: Readonly<Record<string, string>>;
  /** Without: nobody takes jobs. */
  worker?: boolean;
  ownContainer?: string;
}): Promise<QueryWorld> {
  const { servers, engine } = options;
  const role = roleContext({
    environment: { ...servers.environment, QUERY_SERVER_PORT: '0', ...options.environment },
    engine,
  });
  const { settings, log } = role;
  const services = await openServices(role);
  const starts = await launching(role, services);
  const queues = new DataQueues({
    connection: services.redis,
    installation: settings.INSTALLATION,
    onError: () => undefined,
  });
  role.lifecycle.onStop('data queues', () => queues.close());
  const filePath = await uploadCode(servers, options.code);
  const deps = { launching: starts, collections: services.collections, log };
  const worker = createQueryWorker({
    ...deps,
    connection: services.workerRedis(),
    concurrency: 16,
    onOutcome: () => undefined,
    onError: () => undefined,
  });
  if (options.worker !== false) worker.start();
  const server = new QueryServer({
    settings,
    collections: services.collections,
    queues,
    registry: new Registry(),
    ownContainer: options.ownContainer,
    newId: () => crypto.randomUUID(),
    log,
  });
  const { port } = await server.start();

  const world: QueryWorld = {
    services,
    context: queryContext(deps),
    port,
    filePath,
    async bot({
      config = {},
      runtime,
      kind = 'bots',
      entry = 'main.py',
      filePath: own = filePath,
      ...rest
    } = {}) {
      const id = newBotId();
      const document: BotDocument = botDocument(id, {
        config,
        filePath: own,
        ...(runtime === undefined ? {} : { runtime }),
      });
      const query = 'query' in rest ? rest.query : 'query.py';
      const entrypoints = { bot: entry, ...(query === undefined ? {} : { query }) };
      await services.collections[kind].insertOne({
        ...document,
        custom: { ...document.custom, config: { ...document.custom?.config, entrypoints } },
      });
      return id;
    },
    ask: (botId, path, { signal, ...more } = {}) =>
      send(port, JSON.stringify({ bot_id: botId, query_path: path, ...more }), {}, signal),
    send: (body, more) => send(port, body, more),
    async [Symbol.asyncDispose]() {
      await server.close();
      await worker.stop(5_000);
      await role.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    },
  };
  return world;
}

function send(
  port: number,
  body: string | Buffer,
  more: { method?: string; path?: string; headers?: Record<string, string> } = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asking = request(
    {
      host: '127.0.0.1',
      port,
      method: more.method ?? 'POST',
      path: more.path ?? '/query',
      headers: { 'content-type': 'application/json', ...more.headers },
      ...(signal === undefined ? {} : { signal }),
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          http: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: JSON.parse(text) as Answer['body'],
        });
      });
    },
  );
  asking.on('error', reject);
  asking.end(body);
  return promise;
}

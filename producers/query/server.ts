import { hash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Settings } from '../../infra/config/settings.ts';
import { inSubnet } from '../../infra/engine/subnets.ts';
import { closeServer, listen } from '../../infra/listen.ts';
import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { readQuery } from '../../model/queries.ts';
import type { DataQueues } from '../../queues/data-queues.ts';
import { Admission } from './admission.ts';
import { QueryDesk } from './desk.ts';
import { DocumentWatch } from './document-watch.ts';
import { openToOthers, type QueryExposure } from './exposure.ts';
import { QueryFailure } from './failure.ts';
import { QueryMetrics } from './metrics.ts';
import { Programs } from './program.ts';
import { QueryStores } from './stores.ts';

export type QueryServerOptions = {
  settings: Pick<
    Settings,
    | 'QUERY_SERVER_PORT'
    | 'QUERY_IDLE'
    | 'QUERY_START'
    | 'QUERY_ANSWER_MB'
    | 'QUERY_MAX_TIMEOUT'
    | 'QUERY_NETWORK_POOL'
    | 'QUERIES_PER_BOT'
    | 'QUERIES_AT_ONCE'
  > &
    QueryExposure;
  collections: Pick<Collections, 'bots' | 'schedules' | 'queryContainers' | 'queryRequests'>;
  queues: Pick<DataQueues, 'query'>;
  registry: Registry;
  /** Id of the container that this process runs in, if any (`ownContainerId`). */
  ownContainer: string | undefined;
  newId: () => string;
  /** Epoch milliseconds; default the system's. */
  now?: () => number;
  log: Logger;
};

const MAX_BODY_BYTES = 1024 * 1024;
/** More than is taken in, but read: who is hung up on while still sending may never see the answer. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;
/** A question has to be here by then. */
const BODY_WITHIN_MS = 30_000;
const MAX_CONNECTIONS = 4_096;
/** What is in hand gets so long when the server closes. */
const CLOSE_WITHIN_MS = 2_000;
const RETRY_AFTER_S = 1;
/** No program was asked: nothing took any time (contract §6.2). */
const UNASKED: ReadonlySet<number> = new Set([400, 404, 405]);

/** The platform's way to bots' queries: `POST /query` and `GET /health` (contract §6.2). */
export class QueryServer implements AsyncDisposable {
  readonly #options: QueryServerOptions;
  readonly #server: Server;
  readonly #desk: QueryDesk;
  readonly #watches: readonly DocumentWatch<{ _id: string }>[];
  readonly #metrics: QueryMetrics;
  readonly #closing = new AbortController();
  #watching: Promise<unknown> = Promise.resolve();

  /** Throws `SpecRefused` for a QUERY_NETWORK_POOL that is none. */
  constructor(options: QueryServerOptions) {
    this.#options = options;
    const { settings, collections, log, now = Date.now } = options;
    // What cannot be read stops the process, and not every query.
    inSubnet('0.0.0.0', settings.QUERY_NETWORK_POOL);
    const admission = new Admission({ perBot: settings.QUERIES_PER_BOT, inAll: settings.QUERIES_AT_ONCE });
    const watches = {
      containers: new DocumentWatch({ collection: collections.queryContainers, log }),
      requests: new DocumentWatch({ collection: collections.queryRequests, log }),
    };
    this.#watches = [watches.containers, watches.requests] as unknown as DocumentWatch<{ _id: string }>[];
    this.#desk = new QueryDesk({
      stores: new QueryStores({ stores: collections, now }),
      queues: options.queues,
      programs: new Programs(),
      admission,
      watches,
      settings,
      ownContainer: options.ownContainer,
      newId: options.newId,
      now,
      log,
    });
    this.#metrics = new QueryMetrics({ registry: options.registry, admission });
    this.#server = createServer({ requestTimeout: BODY_WITHIN_MS, headersTimeout: BODY_WITHIN_MS });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** Listens; resolves with the real address. Throws `ListenError`. */
  async start(): Promise<{ host: string; port: number }> {
    const { settings, log } = this.#options;
    const { QUERY_SERVER_HOST: host, QUERY_SERVER_PORT: port } = settings;
    const open = openToOthers(settings);
    if (open !== undefined)
      log.warn(
        open,
        'Whoever reaches the query server can ask every bot: let only the platform reach it, or set QUERY_TOKEN where what asks can bring it',
      );
    const address = await listen(this.#server, {
      what: 'query server',
      host,
      port,
      hostSetting: 'QUERY_SERVER_HOST',
      portSetting: 'QUERY_SERVER_PORT',
    });
    this.#watching = Promise.all(this.#watches.map((watch) => watch.run(this.#closing.signal)));
    return address;
  }

  /** Answers what is in hand as far as that is quick, and ends. */
  async close(): Promise<void> {
    await closeServer(this.#server, CLOSE_WITHIN_MS);
    this.#closing.abort(new QueryFailure(503, 'the query server is stopping: try again'));
    await this.#desk.close();
    await this.#watching;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = process.hrtime.bigint();
    // Without a listener a caller that breaks off would end the process.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    try {
      this.#admit(request);
      const path = (request.url ?? '/').split('?')[0];
      if (path === '/health') return send(response, 200, { status: 'ok' });
      if (path !== '/query') throw new QueryFailure(404, 'not found');
      if (request.method !== 'POST') throw new QueryFailure(405, 'method not allowed');
      const data = await this.#answer(request, response);
      this.#respond(response, 200, began, { status: 'ok', data });
    } catch (error) {
      const failure = this.#failureOf(error);
      this.#respond(response, failure.status, began, {
        status: 'error',
        error: failure.message,
        ...failure.extra,
      });
    }
  }

  /** Throws for who may not ask: query programs, which could ask for others, and callers without the token. */
  #admit(request: IncomingMessage): void {
    const { QUERY_NETWORK_POOL: pool, QUERY_TOKEN: token } = this.#options.settings;
    const { localAddress, remoteAddress } = request.socket;
    if (inSubnet(localAddress, pool) || inSubnet(remoteAddress, pool))
      throw new QueryFailure(403, 'query programs ask no queries');
    if (token === undefined || request.url === '/health') return;
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer')))
      throw new QueryFailure(401, 'unauthorized');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const query = readQuery(await readJson(request), {
      maxTimeoutMs: this.#options.settings.QUERY_MAX_TIMEOUT,
    });
    if ('refused' in query) throw new QueryFailure(400, query.refused);
    const left = new AbortController();
    const onClose = (): void => left.abort(new QueryFailure(499, 'the caller left'));
    response.once('close', onClose);
    try {
      return await this.#desk.answer(query, AbortSignal.any([left.signal, this.#closing.signal]));
    } finally {
      response.off('close', onClose);
    }
  }

  #failureOf(error: unknown): QueryFailure {
    if (error instanceof QueryFailure) return error;
    this.#options.log.error({ error }, 'A query failed unexpectedly');
    return new QueryFailure(500, messageOf(error));
  }

  #respond(response: ServerResponse, status: number, began: bigint, body: Record<string, unknown>): void {
    const took = Number(process.hrtime.bigint() - began);
    this.#metrics.count(status, took);
    const duration = UNASKED.has(status) ? 0 : took;
    send(response, status, { ...body, duration, timestamp: new Date().toISOString() });
  }
}

const HEADERS: Readonly<Record<number, Record<string, string>>> = {
  401: { 'www-authenticate': 'Bearer' },
  405: { allow: 'POST' },
  // What is left of the body is not read.
  413: { connection: 'close' },
  429: { 'retry-after': String(RETRY_AFTER_S) },
  503: { 'retry-after': String(RETRY_AFTER_S) },
};

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.headersSent) return;
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': text.length,
    ...HEADERS[status],
  });
  response.end(text);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const tooLarge = new QueryFailure(413, `the body is larger than ${MAX_BODY_BYTES / 1024} KB`);
  if (Number(request.headers['content-length'] ?? 0) > MAX_DISCARDED_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_DISCARDED_BYTES) throw tooLarge;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    }
    if (size > MAX_BODY_BYTES) throw tooLarge;
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    if (error === tooLarge) throw error;
    throw new QueryFailure(400, 'invalid request body', { cause: error });
  }
}

import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { EngineRefused, EngineUnavailable } from '../errors.ts';
import type { RegistryAuth } from '../port.ts';
import { CallLimits } from './call-limits.ts';
import type { Endpoint } from './endpoint.ts';
import { answerFailure, unreachable } from './failures.ts';

export type DockerRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With every variable part encoded, without a query. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: object;
  /** A tar. */
  upload?: NodeJS.ReadableStream | Buffer;
  auth?: RegistryAuth;
  /** What the call is for, in words for messages. */
  doing: string;
  /** For the whole answer; for an upload the longest pause. 0: no limit. Unset: the client's. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
};

const IDLE_CONNECTIONS = 32;
const KEEP_ALIVE_MS = 10_000;

/**
 * Talks HTTP to one Docker Engine. Every call has a time-out and can be aborted; every failure is
 * `EngineUnavailable`, `DockerRefusal` or the reason of the caller's signal. Connections are not limited in number:
 * a stop waits out its grace period on one, and must not keep other calls waiting.
 *
 * It is written on Node's own HTTP, not on dockerode, whose transport leaves a call unsettled for ever when the
 * connection breaks within an answer, and follows the redirect that an odd name provokes to a host named after it.
 */
export class DockerClient implements Disposable {
  readonly endpoint: Endpoint;
  readonly callTimeoutMs: number;
  readonly #agent: Agent;
  readonly #target: RequestOptions;
  readonly #closing = new AbortController();

  constructor(endpoint: Endpoint, callTimeoutMs: number) {
    this.endpoint = endpoint;
    this.callTimeoutMs = callTimeoutMs;
    const pool = {
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE_MS,
      maxSockets: Infinity,
      maxFreeSockets: IDLE_CONNECTIONS,
    };
    const tls = endpoint.kind === 'tcp' && endpoint.tls;
    this.#agent = tls ? new TlsAgent({ ...pool, ...endpoint.files }) : new Agent(pool);
    this.#target =
      endpoint.kind === 'socket'
        ? { socketPath: endpoint.socketPath, headers: { host: 'docker' } }
        : { host: endpoint.host, port: endpoint.port };
  }

  /** Resolves with the parsed answer, undefined if it has no body. */
  async json<Answer>(request: DockerRequest): Promise<Answer> {
    using limits = this.#limits(request);
    const answer = await this.#send(request, limits);
    // Awaited here: the limits end with this function.
    return await limits.guard(
      bodyOf(answer).then((body) => (body === '' ? undefined : JSON.parse(body)) as Answer),
    );
  }

  /** For calls whose answer says nothing. */
  async run(request: DockerRequest): Promise<void> {
    using limits = this.#limits(request);
    const answer = await this.#send(request, limits);
    await limits.guard(bodyOf(answer));
  }

  async headers(request: DockerRequest): Promise<IncomingHttpHeaders> {
    using limits = this.#limits(request);
    const answer = await this.#send(request, limits);
    answer.resume();
    return answer.headers;
  }

  /**
   * An open answer: the time-out covers only its beginning, the signal all of it. It ends with an error where the
   * connection breaks; `brokenStream` makes that error the port's.
   */
  async stream(request: DockerRequest): Promise<Readable> {
    const limits = this.#limits(request);
    try {
      const answer = await this.#send(request, limits);
      limits.stopTimer();
      answer.once('close', () => limits[Symbol.dispose]());
      return answer;
    } catch (error) {
      limits[Symbol.dispose]();
      throw error;
    }
  }

  brokenStream(error: unknown, doing: string): EngineUnavailable {
    return error instanceof EngineUnavailable ? error : unreachable(error, this.endpoint.label, doing);
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new EngineUnavailable('This connection to the container engine has been closed'));
    this.#agent.destroy();
  }

  #limits(request: DockerRequest): CallLimits {
    return new CallLimits({
      label: this.endpoint.label,
      doing: request.doing,
      timeoutMs: request.timeoutMs ?? this.callTimeoutMs,
      signals: [request.signal, this.#closing.signal],
    });
  }

  async #send(call: DockerRequest, limits: CallLimits): Promise<IncomingMessage> {
    limits.signal.throwIfAborted();
    const tls = this.endpoint.kind === 'tcp' && this.endpoint.tls;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (tls ? httpsRequest : httpRequest)({
      ...this.#target,
      agent: this.#agent,
      method: call.method,
      path: pathOf(call),
      headers: { ...this.#target.headers, ...headersOf(call) },
    });
    request.on('error', reject).once('response', resolve);
    // Also after the answer has begun: closing the connection is the only way to leave it.
    limits.signal.addEventListener('abort', () => request.destroy(limits.signal.reason as Error), {
      once: true,
    });
    const source = call.upload instanceof Readable ? call.upload : undefined;
    if (source !== undefined) {
      source.on('data', limits.progressed).on('error', (error) => request.destroy(error));
      source.pipe(request);
    } else if (call.upload !== undefined) request.end(call.upload);
    else request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
    try {
      const answer = await limits.guard(promise);
      if ((answer.statusCode ?? 0) < 400 && !isRedirect(answer)) return answer;
      throw answerFailure(answer.statusCode ?? 0, await limits.guard(bodyOf(answer)), this.endpoint.label);
    } catch (error) {
      source?.unpipe(request);
      source?.destroy();
      throw error;
    }
  }
}

function isRedirect(answer: IncomingMessage): boolean {
  return (answer.statusCode ?? 0) >= 300 && answer.statusCode !== 304;
}

/** Throws `EngineRefused` for a path that the engine would take for another one. */
function pathOf(call: DockerRequest): string {
  const plain = decodeURIComponent(call.path).slice(1).split('/');
  if (plain.some((part) => part === '' || part === '.' || part === '..'))
    throw new EngineRefused(`The container engine cannot be asked for ${call.path} (${call.doing})`);
  const query = new URLSearchParams(
    Object.entries(call.query ?? {}).map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();
  return query === '' ? call.path : `${call.path}?${query}`;
}

function headersOf(call: DockerRequest): Record<string, string | number> {
  const { auth, body, upload } = call;
  const credentials = auth && {
    username: auth.username,
    password: auth.password,
    serveraddress: auth.serverAddress,
  };
  return {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(upload === undefined ? {} : { 'content-type': 'application/x-tar' }),
    ...(Buffer.isBuffer(upload) ? { 'content-length': upload.length } : {}),
    ...(credentials === undefined
      ? {}
      : { 'x-registry-auth': Buffer.from(JSON.stringify(credentials)).toString('base64url') }),
  };
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks = (await answer.toArray()) as Buffer[];
  return Buffer.concat(chunks).toString();
}

import { Agent, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { EngineUnavailable } from '../errors.ts';
import type { RegistryAuth } from '../port.ts';
import type { Endpoint } from './endpoint.ts';
import { DockerRefusal, readFailure, timedOut, unreachable } from './failures.ts';

export type DockerRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With every variable part encoded, without a query. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: object;
  upload?: NodeJS.ReadableStream | Buffer;
  auth?: RegistryAuth;
  /** What the call is for, in words for messages. */
  doing: string;
  /** For the whole answer; for an upload the longest pause. 0: no limit. Unset: the client's. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
};

/** dockerode's transport, as far as it is used; dockerode's own types leave it open. */
type Modem = {
  dial(options: object, callback: (error: unknown, answer: IncomingMessage) => void): void;
};

const SUCCESS: Readonly<Record<number, true>> = { 200: true, 201: true, 204: true, 304: true };
const IDLE_CONNECTIONS = 32;
const KEEP_ALIVE_MS = 10_000;

/**
 * Talks to one Docker Engine. Every call has a time-out and can be aborted; every failure is `EngineUnavailable`,
 * `DockerRefusal` or the reason of the caller's signal. Connections are not limited in number: a stop waits out its
 * grace period on one, and must not keep other calls waiting.
 */
export class DockerClient implements Disposable {
  readonly endpoint: Endpoint;
  readonly callTimeoutMs: number;
  readonly #modem: Modem;
  readonly #agent: Agent;
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
    this.#agent = endpoint.kind === 'tcp' && endpoint.tls ? new TlsAgent(pool) : new Agent(pool);
    // `host` is always given: dockerode would otherwise take it from the environment's DOCKER_HOST.
    const target =
      endpoint.kind === 'socket'
        ? { host: '', socketPath: endpoint.socketPath, protocol: 'http' as const }
        : {
            host: endpoint.host,
            port: endpoint.port,
            protocol: endpoint.tls ? ('https' as const) : ('http' as const),
            ...endpoint.files,
          };
    this.#modem = new Docker({ ...target, agent: this.#agent } as object).modem as Modem;
  }

  /** Resolves with the parsed answer, undefined if it has no body. */
  async json<Answer>(request: DockerRequest): Promise<Answer> {
    using limits = new CallLimits(this, request);
    const answer = await this.#send(request, limits);
    return limits.guard(
      answer.toArray().then((chunks: Buffer[]) => {
        const body = Buffer.concat(chunks);
        return (body.length === 0 ? undefined : JSON.parse(body.toString())) as Answer;
      }),
    );
  }

  /** For calls whose answer says nothing. Resolves with the status. */
  async run(request: DockerRequest): Promise<number> {
    using limits = new CallLimits(this, request);
    const answer = await this.#send(request, limits);
    await limits.guard(answer.toArray());
    return answer.statusCode ?? 0;
  }

  /** Answer headers only. */
  async headers(request: DockerRequest): Promise<IncomingMessage['headers']> {
    using limits = new CallLimits(this, request);
    const answer = await this.#send(request, limits);
    answer.resume();
    return answer.headers;
  }

  /**
   * An open answer: the time-out covers only its beginning, the signal all of it. It ends with an error where the
   * connection breaks; `brokenStream` makes that error the port's.
   */
  async stream(request: DockerRequest): Promise<Readable> {
    const limits = new CallLimits(this, request);
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

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new EngineUnavailable('This connection to the container engine has been closed'));
    this.#agent.destroy();
  }

  #send(request: DockerRequest, limits: CallLimits): Promise<IncomingMessage> {
    const upload = request.upload instanceof Readable ? request.upload : undefined;
    const sent = new Promise<IncomingMessage>((resolve, reject) => {
      limits.signal.throwIfAborted();
      const options = {
        method: request.method,
        path: `${request.path}?`,
        options: { _query: request.query ?? {}, _body: request.body ?? {} },
        ...(request.upload === undefined ? {} : { file: request.upload }),
        ...(request.auth === undefined ? {} : { authconfig: registryHeader(request.auth) }),
        abortSignal: limits.signal,
        // Also for plain answers: dockerode never settles when a connection breaks within one it reads itself.
        isStream: true,
        statusCodes: SUCCESS,
      };
      upload?.on('data', limits.progressed);
      this.#modem.dial(options, (error, answer) => {
        if (error === null || error === undefined) resolve(answer);
        else reject(readFailure(error, this.endpoint.label, request.doing));
      });
    });
    return limits.guard(sent).catch((error: unknown) => {
      upload?.destroy();
      throw error;
    });
  }
}

/** The time-out and the abort signals of one call. */
class CallLimits implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: (AbortSignal | undefined)[];
  readonly #client: DockerClient;
  readonly #doing: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: DockerClient, request: DockerRequest) {
    this.#client = client;
    this.#doing = request.doing;
    this.#sources = [request.signal, client.closing];
    const timeoutMs = request.timeoutMs ?? client.callTimeoutMs;
    if (timeoutMs > 0)
      this.#timer = setTimeout(
        () => this.#controller.abort(timedOut(client.endpoint.label, request.doing, timeoutMs)),
        timeoutMs,
      ).unref();
    for (const source of this.#sources) {
      if (source?.aborted === true) this.#controller.abort(source.reason);
      else source?.addEventListener('abort', this.#onAbort);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly progressed = (): void => {
    this.#timer?.refresh();
  };

  /** Rejects with the time-out or the caller's reason, rather than with the transport's account of being aborted. */
  async guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      if (error instanceof DockerRefusal || error instanceof EngineUnavailable) throw error;
      throw unreachable(error, this.#client.endpoint.label, this.#doing);
    }
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.stopTimer();
    for (const source of this.#sources) source?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (event: Event): void => {
    this.#controller.abort((event.target as AbortSignal).reason);
  };
}

function registryHeader(auth: RegistryAuth): object {
  return { username: auth.username, password: auth.password, serveraddress: auth.serverAddress };
}

import { connect, type Socket } from 'node:net';
import { EngineUnavailable } from '../errors.ts';
import { Channel } from './channel.ts';
import { decode, encode, fromWireError, onLines, type Reply, type Request } from './wire.ts';

/** One connection to a fake engine's server, opened at need and again after it broke. */
export class FakeConnection {
  readonly #address: URL;
  readonly #installation: string;
  readonly #waiting = new Map<number, (reply: Reply | EngineUnavailable) => void>();
  #socket: Promise<Socket> | undefined;
  #lastId = 0;
  #closed = false;

  constructor(url: string, installation: string) {
    this.#address = new URL(url);
    this.#installation = installation;
  }

  async call(
    target: 'engine' | 'control',
    method: string,
    args: unknown[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    signal?.throwIfAborted();
    const socket = await this.#open();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, (reply) => {
      if (reply instanceof Error) reject(reply);
      else if (reply.kind === 'value') resolve(reply.value);
      else if (reply.kind === 'error') reject(fromWireError(reply.error));
    });
    const onAbort = () => {
      send(socket, { kind: 'abort', id });
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    else send(socket, { kind: 'call', id, target, method, args });
    try {
      return await promise;
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async *listen(method: 'events' | 'logs', args: unknown[], signal?: AbortSignal): AsyncGenerator<unknown> {
    const socket = await this.#open();
    const id = ++this.#lastId;
    const channel = new Channel<unknown>();
    this.#waiting.set(id, (reply) => {
      if (reply instanceof Error) channel.fail(reply);
      else if (reply.kind === 'item') channel.put(reply.value);
      else if (reply.kind === 'error') channel.fail(fromWireError(reply.error));
      else channel.end();
    });
    const onAbort = () => channel.end();
    signal?.addEventListener('abort', onAbort);
    send(socket, { kind: 'listen', id, method, args });
    try {
      yield* channel;
    } finally {
      send(socket, { kind: 'abort', id });
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const socket = await this.#socket?.catch(() => undefined);
    socket?.destroy();
  }

  #open(): Promise<Socket> {
    if (this.#closed)
      return Promise.reject(new EngineUnavailable('This connection to the container engine has been closed'));
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  #connect(): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = connect(Number(this.#address.port), this.#address.hostname);
    socket.setNoDelay(true);
    socket.once('connect', () => {
      send(socket, { kind: 'open', installation: this.#installation });
      resolve(socket);
    });
    let cause: unknown;
    socket.on('error', (error) => (cause = error));
    socket.on('close', () => {
      this.#socket = undefined;
      const away = new EngineUnavailable(`The fake engine at ${this.#address.host} cannot be reached`, {
        cause,
      });
      reject(away);
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const settle of waiting) settle(away);
    });
    onLines(socket, (line) => {
      const reply = decode<Reply>(line);
      this.#waiting.get(reply.id)?.(reply);
    });
    return promise;
  }
}

function send(socket: Socket, request: Request): void {
  if (!socket.destroyed) socket.write(encode(request));
}

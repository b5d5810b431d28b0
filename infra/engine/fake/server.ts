import { createServer, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createFakeEngine, type FakeEngine } from './engine.ts';
import { FakeHost, type FakeHostOptions } from './host.ts';
import { decode, encode, onLines, type Reply, type Request, toWireError } from './wire.ts';

export type FakeEngineServer = AsyncDisposable & {
  /** For `connectFakeEngine`: `fake://127.0.0.1:PORT`. */
  readonly url: string;
  readonly host: FakeHost;
  close(): Promise<void>;
};

/** Holds a fake engine for other processes, so that its containers outlive them. Loopback only. */
export async function serveFakeEngine(
  options: FakeHostOptions & { port?: number; host?: FakeHost } = {},
): Promise<FakeEngineServer> {
  const host = options.host ?? new FakeHost(options);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveConnection(socket, host);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  await promise;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((done) => server.close(() => done()));
  };
  const { port } = server.address() as AddressInfo;
  return { url: `fake://127.0.0.1:${port}`, host, close, [Symbol.asyncDispose]: close };
}

function serveConnection(socket: Socket, host: FakeHost): void {
  const running = new Map<number, AbortController>();
  let engine: FakeEngine | undefined;
  socket.setNoDelay(true);
  const reply = (message: Reply) => {
    if (!socket.destroyed) socket.write(encode(message));
  };

  async function answer(
    request: Extract<Request, { id: number; method: string }>,
    target: FakeEngine,
  ): Promise<void> {
    const abort = new AbortController();
    running.set(request.id, abort);
    try {
      if (request.kind === 'listen') {
        for await (const value of open(target, request, abort.signal))
          reply({ kind: 'item', id: request.id, value });
        reply({ kind: 'end', id: request.id });
      } else {
        reply({ kind: 'value', id: request.id, value: await call(target, request, abort.signal) });
      }
    } catch (error) {
      reply({ kind: 'error', id: request.id, error: toWireError(error) });
    } finally {
      running.delete(request.id);
    }
  }

  onLines(socket, (line) => {
    const request = decode<Request>(line);
    if (request.kind === 'open') engine = createFakeEngine({ installation: request.installation, host });
    else if (request.kind === 'abort') running.get(request.id)?.abort();
    else if (engine !== undefined) void answer(request, engine);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    // A caller that is gone waits for nothing any more; what it had begun on the engine goes on, as with Docker.
    for (const abort of running.values()) abort.abort();
  });
}

function open(
  engine: FakeEngine,
  request: Extract<Request, { kind: 'listen' }>,
  signal: AbortSignal,
): AsyncIterable<unknown> {
  if (request.method === 'events') return engine.events({ ...(request.args[0] as object), signal });
  return engine.logs(request.args[0] as string, { ...(request.args[1] as object), signal });
}

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

async function call(
  engine: FakeEngine,
  request: Extract<Request, { kind: 'call' }>,
  signal: AbortSignal,
): Promise<unknown> {
  if (request.target === 'control')
    return (engine.control as unknown as Record<string, AnyMethod>)[request.method]?.(...request.args);
  // The last argument of every engine call is its options.
  const options = { ...(request.args.at(-1) as object), signal };
  const method = (engine as unknown as Record<string, AnyMethod>)[request.method];
  const value = await method?.(...request.args.slice(0, -1), options);
  // JSON knows no maps: the other side makes one again.
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
  return request.method === 'readArchive' ? buffer(value as NodeJS.ReadableStream) : value;
}

import { createSecureServer, createServer, type Http2Session } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import type { NodeHandlerFn } from './handler.ts';
import type { TlsKeys } from './tls.ts';

/** Streams at once over one connection: a page full of live logs, and then some. */
const MAX_STREAMS = 1_000;
/** Open sessions get this long to end their calls. */
const GRACE_MS = 500;

export type GrpcServer = { server: NetServer; close: () => Promise<void> };

/** HTTP/2, in clear or with TLS: what gRPC needs. */
export function grpcServer(handler: NodeHandlerFn, tls: TlsKeys | undefined): GrpcServer {
  const settings = { maxConcurrentStreams: MAX_STREAMS };
  const server =
    tls === undefined
      ? createServer({ settings }, handler)
      : createSecureServer({ ...tls, settings }, handler);
  const sessions = new Set<Http2Session>();
  // Of their own: a session may be over while its peer has not taken the last of it, and may never.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    // Whoever breaks the protocol off ends his own session; without a listener it would end the process.
    session.on('error', () => session.destroy());
  });
  server.on('sessionError', () => undefined);
  return { server, close: () => close(server, sessions, sockets) };
}

/** Tells all that it goes (GOAWAY), and ends what is still open after a moment. */
async function close(
  server: NetServer,
  sessions: ReadonlySet<Http2Session>,
  sockets: ReadonlySet<Socket>,
): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, GRACE_MS);
  await closed;
  clearTimeout(timer);
}

import type { Server } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';

/** A server could not listen; the message names address, port, the setting that moves it, and the cure. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;
  readonly retryable = false;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What is listened on. `what` names the server in messages; the settings are those that a person would change. */
export type ListenOptions = {
  what: string;
  host: string;
  port: number;
  hostSetting: string;
  portSetting: string;
};

/** Listens and resolves with the real address (port 0 picks a free one). */
export async function listen(
  server: NetServer,
  options: ListenOptions,
): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(explain(error, options));
    server.once('error', failed);
    server.listen({ host: options.host, port: options.port, exclusive: true }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  return { host: options.host, port: address.port };
}

/** Closes the server and every connection that is still open, busy ones after `graceMs`. */
export async function closeServer(server: Server, graceMs = 500): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

function explain(error: NodeJS.ErrnoException, options: ListenOptions): ListenError {
  const where = `${options.host}:${options.port}`;
  const code = error.code ?? 'listen_failed';
  switch (code) {
    case 'EADDRINUSE':
      return new ListenError(
        code,
        `Port ${options.port} of ${options.host} is in use, so the ${options.what} cannot listen there: end what uses it, or set ${options.portSetting} to another port`,
        { cause: error },
      );
    case 'EACCES':
      return new ListenError(
        code,
        `The ${options.what} may not listen on ${where}: ports below 1024 need privileges; set ${options.portSetting} to a higher one`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(
        code,
        `The ${options.what} cannot listen on ${options.hostSetting}=${options.host}: it is no address of this machine`,
        { cause: error },
      );
    default:
      return new ListenError(code, `The ${options.what} cannot listen on ${where}: ${error.message}`, {
        cause: error,
      });
  }
}

import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutageLog, type Logger } from '../logger.ts';

export type NatsLink = AsyncDisposable & {
  /** The open connection, as soon as there is one. It reconnects by itself; ask again when it turns out closed. */
  connection(signal?: AbortSignal): Promise<NatsConnection>;
  /** True while connected to a server. */
  readonly connected: boolean;
  /** Resolves when the server answered within `timeoutMs`; rejects otherwise. */
  ping(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
};

/** NATS_URL cannot be understood. The message never holds the URL, which may hold a password. */
export class NatsUrlInvalid extends Error {
  override readonly name = 'NatsUrlInvalid';
  readonly code = 'nats_url_invalid';
  readonly retryable = false;
  constructor() {
    super('NATS_URL cannot be used: expected nats://[user:password@]host:port, several separated by commas');
  }
}

const MIN_WAIT_MS = 200;
const MAX_WAIT_MS = 2000;

/**
 * A connection that outlives NATS's absence, at start and later, for as long as it takes; one log line per outage.
 * `url`: one or more `nats://[user:password@]host:port`, separated by commas; a lone user is a token.
 * @throws NatsUrlInvalid
 */
export function connectNats(options: { url: string; name: string; log: Logger }): NatsLink {
  const closing = new AbortController();
  const outage = new OutageLog(options.log, 'NATS');
  let current: NatsConnection | undefined;
  let connected = false;
  let opened = Promise.withResolvers<NatsConnection>();
  opened.promise.catch(() => undefined); // Rejected at close, when perhaps nobody waits.

  const settings = connectionOptions(options.url, options.name);

  const follow = async (connection: NatsConnection): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        connected = false;
        if (!closing.signal.aborted) outage.failed(new Error(`connection to ${status.server} lost`));
      } else if (status.type === 'reconnect') {
        connected = true;
        outage.recovered();
      }
    }
  };

  const keepOpen = async (): Promise<void> => {
    let waitMs = MIN_WAIT_MS;
    while (!closing.signal.aborted) {
      try {
        current = await connect(settings);
        if (closing.signal.aborted) return await current.close();
        connected = true;
        waitMs = MIN_WAIT_MS;
        outage.recovered();
        opened.resolve(current);
        void follow(current);
        // Closed for good although told to reconnect for ever: refused credentials, for one. Then a new one is due.
        const cause = await current.closed();
        if (closing.signal.aborted) return;
        outage.failed(cause ?? new Error('the connection was closed'));
      } catch (error) {
        outage.failed(error);
      }
      connected = false;
      if (current !== undefined) {
        current = undefined;
        opened = Promise.withResolvers<NatsConnection>();
        opened.promise.catch(() => undefined);
      }
      await sleep(waitMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
    }
  };
  const running = keepOpen();

  const link: NatsLink = {
    get connected() {
      return connected;
    },
    async connection(signal) {
      signal?.throwIfAborted();
      if (signal === undefined) return opened.promise;
      const aborted = Promise.withResolvers<never>();
      const onAbort = (): void => aborted.reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([opened.promise, aborted.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    async ping(timeoutMs = 2000) {
      if (current === undefined || !connected) throw new Error('NATS is not connected');
      const late = sleep(timeoutMs, 'late' as const, { ref: false });
      if ((await Promise.race([current.rtt(), late])) === 'late') throw new Error(`NATS did not answer within ${timeoutMs} ms`);
    },
    async close() {
      closing.abort();
      opened.reject(new Error('the NATS link is closed'));
      // Not drained: a drain waits for a server that may be away. What was not acknowledged is delivered again.
      await current?.close();
      await running;
    },
    [Symbol.asyncDispose]: () => link.close(),
  };
  return link;
}

/** The client takes no credentials from URLs, operators write them there. Exported for its test. */
export function connectionOptions(url: string, name: string): ConnectionOptions {
  const servers: string[] = [];
  const credentials: Pick<ConnectionOptions, 'user' | 'pass' | 'token'> = {};
  for (const part of url.split(',').map((text) => text.trim()).filter((text) => text !== '')) {
    const parsed = URL.parse(part.includes('://') ? part : `nats://${part}`);
    if (parsed === null) throw new NatsUrlInvalid();
    const user = decodeURIComponent(parsed.username);
    const pass = decodeURIComponent(parsed.password);
    if (pass !== '') Object.assign(credentials, { user, pass });
    else if (user !== '') credentials.token = user;
    parsed.username = '';
    parsed.password = '';
    servers.push(`${parsed.protocol}//${parsed.host}`);
  }
  if (servers.length === 0) throw new NatsUrlInvalid();
  return {
    ...credentials,
    servers,
    name,
    timeout: 5000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: MIN_WAIT_MS,
    reconnectDelayHandler: () => MIN_WAIT_MS + Math.random() * 300,
    // A connection that died without a word is noticed after two unanswered pings.
    pingInterval: 10_000,
    maxPingOut: 2,
  };
}

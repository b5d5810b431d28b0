import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from '../pause.ts';
import { OutageLog, type Logger } from '../logger.ts';
import { unlessAborted } from '../unless-aborted.ts';

/** One stretch of being connected: `ended` aborts when the server is lost, and what was under way may be lost too. */
export type NatsSession = { connection: NatsConnection; ended: AbortSignal };

export type NatsLink = AsyncDisposable & {
  /** Resolves as soon as NATS is connected. */
  session(signal?: AbortSignal): Promise<NatsSession>;
  /** The same for callers to whom a reconnection makes no difference: subscriptions and publications survive it. */
  connection(signal?: AbortSignal): Promise<NatsConnection>;
  /** True while connected to a server. */
  readonly connected: boolean;
  /** Why there is no connection; undefined while there is one, and before the end of the first attempt. */
  readonly problem: Error | undefined;
  /** Resolves when the first attempt has led to something. */
  readonly attempted: Promise<void>;
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
  const settings = connectionOptions(options.url, options.name);
  let current: NatsConnection | undefined;
  let ended: AbortController | undefined;
  let problem: Error | undefined;
  const attempted = Promise.withResolvers<void>();
  let next = awaitable<NatsSession>();

  const begin = (connection: NatsConnection): void => {
    ended = new AbortController();
    problem = undefined;
    attempted.resolve();
    next.resolve({ connection, ended: ended.signal });
    outage.recovered();
  };
  const end = (reason: unknown): void => {
    if (!closing.signal.aborted) outage.failed(reason);
    problem = reason instanceof Error ? reason : new Error(String(reason));
    attempted.resolve();
    if (ended === undefined) return;
    next = awaitable<NatsSession>();
    ended.abort(reason);
    ended = undefined;
  };
  const follow = async (connection: NatsConnection): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') end(new Error(`connection to ${status.server} lost`));
      else if (status.type === 'reconnect') begin(connection);
    }
  };

  const keepOpen = async (): Promise<void> => {
    let waitMs = MIN_WAIT_MS;
    while (!closing.signal.aborted) {
      try {
        current = await connect(settings);
        if (closing.signal.aborted) return await current.close();
        waitMs = MIN_WAIT_MS;
        void follow(current);
        begin(current);
        // Closed for good although told to reconnect for ever: refused credentials, for one. Then a new one is due.
        end((await current.closed()) ?? new Error('the connection was closed'));
      } catch (error) {
        end(error);
      }
      await pause(waitMs, closing.signal);
      waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
    }
  };
  const running = keepOpen();

  const link: NatsLink = {
    get connected() {
      return ended !== undefined;
    },
    get problem() {
      return problem;
    },
    attempted: attempted.promise,
    async session(signal) {
      closing.signal.throwIfAborted();
      return await (signal === undefined ? next.promise : unlessAborted(next.promise, signal));
    },
    async connection(signal) {
      return (await link.session(signal)).connection;
    },
    async ping(timeoutMs = 2000) {
      if (current === undefined || !link.connected) throw new Error('NATS is not connected');
      const late = sleep(timeoutMs, 'late' as const, { ref: false });
      if ((await Promise.race([current.rtt(), late])) === 'late')
        throw new Error(`NATS did not answer within ${timeoutMs} ms`);
    },
    async close() {
      if (closing.signal.aborted) return await running;
      const reason = new Error('the NATS link is closed');
      closing.abort(reason);
      attempted.resolve();
      next.reject(reason);
      ended?.abort(reason);
      ended = undefined;
      // Not drained: a drain waits for a server that may be away. What was not acknowledged is delivered again.
      await current?.close();
      await running;
    },
    [Symbol.asyncDispose]: () => link.close(),
  };
  return link;
}

/** A promise that may be rejected when nobody waits. */
function awaitable<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>();
  resolvers.promise.catch(() => undefined);
  return resolvers;
}

/** The client takes no credentials from URLs, operators write them there. Exported for its test. */
export function connectionOptions(url: string, name: string): ConnectionOptions {
  const servers: string[] = [];
  const credentials: Pick<ConnectionOptions, 'user' | 'pass' | 'token'> = {};
  for (const part of url
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')) {
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

import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import https from 'node:https';

/** The one function of `node:http` that the client library calls. */
export type Transport = Pick<typeof http, 'request'>;

const current = new AsyncLocalStorage<AbortSignal>();

/** Every request that `work` makes, directly or later in its promises, is cut off when `signal` fires. */
export function withSignal<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return current.run(signal, work);
}

/**
 * The client library has no way to cancel a request, yet lets its transport be replaced: this one hands the signal
 * of the call that runs to Node, which then closes the socket. Nothing is left waiting behind a call that was given up.
 */
export function abortableTransport(useSsl: boolean): Transport {
  const { request } = useSsl ? https : http;
  const abortable = (options: http.RequestOptions, onResponse?: (response: http.IncomingMessage) => void) => {
    const signal = current.getStore();
    return request(signal === undefined ? options : { ...options, signal }, onResponse);
  };
  return { request: abortable as Transport['request'] };
}

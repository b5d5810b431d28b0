import type { IncomingMessage, ServerResponse } from 'node:http';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createContextValues, type ConnectRouter, type Interceptor } from '@connectrpc/connect';
import { clientKey, requestKey } from '../api/authentication.ts';
import { clientAddress } from './client-address.ts';
import type { Proxies } from './proxies.ts';

/** Answers one request of HTTP/1.1 or HTTP/2. */
export type NodeHandlerFn = ReturnType<typeof connectNodeAdapter>;

export type HandlerOptions = {
  routes: (router: ConnectRouter) => void;
  interceptors: Interceptor[];
  isProxy: Proxies;
  /** Aborts when the server stops: streams end then. */
  stopping: AbortSignal;
  /** What is no call of the API. */
  fallback: (request: IncomingMessage, response: ServerResponse) => void;
};

/** No request of this API comes near it; a list of overrides would be the longest. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Nobody waits longer for one answer. */
const MAX_TIMEOUT_MS = 15 * 60_000;

/** gRPC, gRPC-Web and Connect (HTTP with JSON), told apart by their content type. */
export const apiHandler = (options: HandlerOptions): NodeHandlerFn =>
  connectNodeAdapter({
    routes: options.routes,
    interceptors: options.interceptors,
    readMaxBytes: MAX_REQUEST_BYTES,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    shutdownSignal: options.stopping,
    jsonOptions: { ignoreUnknownFields: false },
    contextValues: (request) =>
      createContextValues()
        .set(clientKey, clientAddress(request, options.isProxy))
        .set(requestKey, request as IncomingMessage),
    fallback: (request, response) => options.fallback(request as IncomingMessage, response as ServerResponse),
  });

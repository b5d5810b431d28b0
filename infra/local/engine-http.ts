import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SETTINGS } from '../config/settings.ts';
import { parseEndpoint } from '../engine/docker/endpoint.ts';
import type { Environment } from './types.ts';

export type EngineRequest = {
  method?: 'GET' | 'POST';
  path: string;
  body?: Readable;
  headers?: Readonly<Record<string, string>>;
  /** Longest silence, milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal;
  environment?: Environment;
};

/**
 * One request to the Docker Engine API, without a client library: what comes before any part of the runtime runs.
 * `host` as in DOCKER_HOST: `unix:///path`, `tcp://host:port`. Rejects when the engine cannot be reached.
 */
export function askEngine(host: string, options: EngineRequest): Promise<IncomingMessage> {
  const { method = 'GET', path, body, timeoutMs = 10_000, signal, headers = {} } = options;
  return new Promise((resolve, reject) => {
    const target = targetOf(host, options.environment ?? process.env);
    const request = (target.secure ? requestHttps : requestHttp)({
      method,
      path,
      timeout: timeoutMs,
      ...target.options,
      headers: { ...target.options.headers, ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
    request.once('response', resolve);
    request.once('error', reject);
    request.once('timeout', () =>
      request.destroy(new Error(`the engine at ${host} was silent for ${timeoutMs / 1000} s`)),
    );
    if (body === undefined) request.end();
    else {
      body.once('error', (error) => request.destroy(error));
      body.pipe(request);
    }
  });
}

/** The same for short answers: status and text. */
export async function askEngineForText(
  host: string,
  options: EngineRequest,
): Promise<{ status: number; body: string }> {
  const response = await askEngine(host, options);
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** By the same rules as the runtime's own client, so that both reach the same engine. */
function targetOf(host: string, environment: Environment): { secure: boolean; options: RequestOptions } {
  const certPath = environment['DOCKER_CERT_PATH'] ?? '';
  const endpoint = parseEndpoint({
    dockerHost: host,
    tls: SETTINGS.DOCKER_TLS_VERIFY.schema.parse(environment['DOCKER_TLS_VERIFY']),
    ...(certPath === '' ? {} : { certPath }),
  });
  if (endpoint.kind === 'socket')
    return { secure: false, options: { socketPath: endpoint.socketPath, headers: { Host: 'docker' } } };
  const { host: name, port, tls, files } = endpoint;
  return { secure: tls, options: { host: name, port, ...files } };
}

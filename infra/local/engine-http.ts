import { readFileSync } from 'node:fs';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
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
    const common = {
      method,
      path,
      timeout: timeoutMs,
      headers: { Host: 'docker', ...headers },
      ...(signal === undefined ? {} : { signal }),
    };
    const target = targetOf(host, options.environment ?? process.env);
    const request = target.secure
      ? requestHttps({ ...common, ...target.options })
      : requestHttp({ ...common, ...target.options });
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

type Target = { secure: boolean; options: Record<string, unknown> };

function targetOf(host: string, environment: Environment): Target {
  const url = new URL(host);
  if (url.protocol === 'unix:') return { secure: false, options: { socketPath: url.pathname } };
  if (!['tcp:', 'http:', 'https:'].includes(url.protocol))
    throw new Error(`DOCKER_HOST=${host}: only unix://, tcp://, http:// and https:// are understood`);
  const secure = url.protocol === 'https:' || (environment['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const options: Record<string, unknown> = {
    host: url.hostname,
    port: Number(url.port || (secure ? 2376 : 2375)),
  };
  const certificates = environment['DOCKER_CERT_PATH'];
  if (secure && certificates !== undefined && certificates !== '')
    for (const [name, file] of [
      ['ca', 'ca.pem'],
      ['cert', 'cert.pem'],
      ['key', 'key.pem'],
    ] as const)
      options[name] = readFileSync(join(certificates, file));
  return { secure, options };
}

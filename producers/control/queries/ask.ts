import type { JsonValue } from '@bufbuild/protobuf';
import { isObject } from '../../../model/config-fields.ts';
import { parseExact } from '../../../model/exact-json.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { Settings } from '../../../infra/config/settings.ts';
import { Unavailable } from '../errors.ts';
import { refusedQuery } from './refused.ts';

export type Asked = {
  id: string;
  path: string;
  params: Readonly<Record<string, unknown>>;
  timeoutMs: number;
};

/** `exact`: as JSON text, where `data` lost digits of a number. */
export type QueryAnswer = { data: JsonValue; exact: string | undefined; tookMs: number };

/** Asks a bot's query program. Throws `ControlError`s. */
export type AskQuery = (asked: Asked, signal: AbortSignal) => Promise<QueryAnswer>;

export type QuerySettings = Pick<
  Settings,
  'QUERY_SERVER_HOST' | 'QUERY_SERVER_PORT' | 'QUERY_TOKEN' | 'QUERY_MAX_TIMEOUT'
>;

/** The server itself answers at its time limit: this is for one that does not. */
const MARGIN_MS = 5_000;
/** A server that is stopping, or is made anew, is back by then. */
const CURE = 'ask again; see whether the query server runs, and QUERY_SERVER_HOST and QUERY_SERVER_PORT';

/** By way of the query server, as the platform does. */
export function queryServerAsker(settings: QuerySettings): AskQuery {
  const url = `http://${reachable(settings.QUERY_SERVER_HOST)}:${settings.QUERY_SERVER_PORT}/query`;
  return async ({ id, path, params, timeoutMs }, signal) => {
    const waitMs = Math.min(timeoutMs, settings.QUERY_MAX_TIMEOUT);
    const late = AbortSignal.timeout(waitMs + MARGIN_MS);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(settings.QUERY_TOKEN === undefined ? {} : { authorization: `Bearer ${settings.QUERY_TOKEN}` }),
        },
        body: JSON.stringify({ bot_id: id, query_path: path, params, timeout_sec: waitMs / 1_000 }),
        signal: AbortSignal.any([signal, late]),
      });
      text = await response.text();
    } catch (error) {
      signal.throwIfAborted();
      const { cause } = error as { cause?: unknown };
      throw new Unavailable(
        'query-server',
        `The query server does not answer (${messageOf(cause ?? error)})`,
        CURE,
        {
          cause: error,
        },
      );
    }
    const body = readBody(text);
    if (body === undefined)
      throw new Unavailable(
        'query-server',
        `What answers in the place of the query server is none (HTTP ${response.status})`,
        CURE,
      );
    if (body['status'] !== 'ok') throw refusedQuery(response.status, response.headers, body, { id, path });
    const { duration } = body;
    return {
      data: body['data'] ?? null,
      exact: exactData(text),
      tookMs: typeof duration === 'number' ? duration / 1e6 : 0,
    };
  };
}

function readBody(text: string): Readonly<Record<string, JsonValue>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && 'status' in value ? (value as Record<string, JsonValue>) : undefined;
  } catch {
    return undefined;
  }
}

/** Fewer digits are never lost. */
const LONG_NUMBER = /\d{16}/;

/** Undefined where every number is as it was written. */
function exactData(text: string): string | undefined {
  if (!LONG_NUMBER.test(text)) return undefined;
  const exact = JSON.stringify((parseExact(text) as { data?: unknown }).data);
  return exact === JSON.stringify((JSON.parse(text) as { data?: unknown }).data) ? undefined : exact;
}

/** A server that listens everywhere is asked here. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

import { isObject } from './config-fields.ts';
import { parseExact } from './exact-json.ts';

/** A question to a bot's query program, as the platform asks it (contract §6.2), checked. */
export type Query = {
  botId: string;
  /** Begins with a slash; without the parameters that it may have brought. */
  path: string;
  params: Readonly<Record<string, unknown>>;
  timeoutMs: number;
};

/** What a query program says. `extra`: what it adds to an error, such as the queries there are. */
export type ProgramAnswer =
  { status: 'ok'; data: unknown } | { status: 'error'; error: string; extra?: { available: unknown } };

export type QueryRefused = { refused: string };

/** That a program does not serve is found out again after so long: a loaded host may have been to blame. */
export const SINGLE_SHOT_BELIEVED_MS = 60 * 60_000;

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_PATH = 2_048;
const SHOWN = 300;

/** Reads the body of `POST /query`. Pure. */
export function readQuery(body: unknown, limits: { maxTimeoutMs: number }): Query | QueryRefused {
  if (!isObject(body)) return { refused: 'invalid request body: expected a JSON object' };
  const {
    bot_id: botId,
    query_path: path,
    params,
    timeout_sec: timeout,
  } = body as Partial<Record<string, unknown>>;
  if (typeof botId !== 'string' || botId === '') return { refused: 'bot_id is required' };
  if (typeof path !== 'string' || path === '') return { refused: 'query_path is required' };
  if (params !== undefined && params !== null && !isObject(params))
    return { refused: 'params must be a JSON object' };
  if (timeout !== undefined && timeout !== null && typeof timeout !== 'number')
    return { refused: 'timeout_sec must be a number of seconds' };
  const parts = readPath(path);
  if ('refused' in parts) return parts;
  return {
    botId,
    path: parts.path,
    params: { ...parts.params, ...(params as Record<string, unknown> | null | undefined) },
    timeoutMs: timeoutMs(timeout ?? 0, limits.maxTimeoutMs),
  };
}

/** Zero and less mean the default, as the reference has it. */
function timeoutMs(seconds: number, most: number): number {
  const wanted = seconds > 0 ? seconds * 1_000 : DEFAULT_TIMEOUT_MS;
  // Timers take whole milliseconds only.
  return Math.ceil(Math.max(1, Math.min(wanted, most)));
}

/** A path may bring parameters along: `/trades?limit=3`. */
function readPath(text: string): { path: string; params: Record<string, string> } | QueryRefused {
  if (text.length > MAX_PATH) return { refused: `query_path is longer than ${MAX_PATH} characters` };
  const [before = '', ...after] = text.split('?');
  const path = before.startsWith('/') ? before : `/${before}`;
  const decoded = decodedPath(path);
  if (decoded === undefined) return { refused: 'query_path is not well-formed' };
  if (/[\p{Cc}#\\]/u.test(decoded))
    return { refused: 'query_path may hold no control characters, "#" and backslashes' };
  if (decoded.split('/').some((segment) => segment === '..' || segment === '.'))
    return { refused: 'query_path may hold no "." and ".." segments' };
  return { path, params: Object.fromEntries(new URLSearchParams(after.join('?'))) };
}

/** Also what was written as `%2e%2e`. */
function decodedPath(path: string): string | undefined {
  if (!path.isWellFormed()) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    // A lone percent sign is itself.
    return path;
  }
}

/** Parameters as every SDK reads them: strings, in the URL and in the environment alike. */
export function paramTexts(params: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, typeof value === 'string' ? value : toJson(value)]),
  );
}

/** The target of the request to a query program's own server. What is percent-encoded already stays. */
export function queryTarget(path: string, params: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams(paramTexts(params)).toString();
  const encoded = encodeURI(path).replace(/%25([0-9a-fA-F]{2})/g, '%$1');
  return search === '' ? encoded : `${encoded}?${search}`;
}

/** What a query program answered over HTTP, or wrote as its result; anything else is undefined. */
export function readProgramAnswer(text: string): ProgramAnswer | undefined {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { status, data, error, available } = value as Partial<Record<string, unknown>>;
  if (status === 'ok') return { status, data: data ?? null };
  if (status !== 'error') return undefined;
  return {
    status,
    error: typeof error === 'string' ? error : error === undefined ? 'the query failed' : toJson(error),
    ...(available === undefined ? {} : { extra: { available } }),
  };
}

/** In words, for an answer that is none. */
export function noAnswerInWords(http: { status: number; type: string }, text: string): string {
  const shown = text.trim().replaceAll(/\s+/g, ' ').slice(0, SHOWN);
  return `the query program answered HTTP ${http.status} with ${http.type || 'no content type'}, which is no answer to a query: ${shown === '' ? 'nothing' : shown}`;
}

const toJson = (value: unknown): string => JSON.stringify(value) ?? '';

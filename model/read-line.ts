/** A line of a bot's output as people read it. `atMs` is absent where the line does not say. */
export type ShownLine = { atMs?: number; level?: string; text: string };

/** Reads a line, stored or live: what the platform's pages show as its message, time and level. */
export function readLine(line: string): ShownLine {
  const object = objectIn(line);
  if (object === undefined) return { text: line };
  const atMs = timeOf(object['timestamp']);
  const message = object['message'] ?? object['msg'];
  const level = typeof object['level'] === 'string' ? object['level'].toLowerCase() : undefined;
  const isText = typeof message === 'string' && object['_metric'] === undefined;
  return {
    text: isText ? [message, ...besides(object)].join(' ') : line,
    ...(atMs === undefined ? {} : { atMs }),
    ...(level === undefined ? {} : { level }),
  };
}

/**
 * What a line says, whether it comes from the log or live: by it, one that is in both is found. The log adds a time to lines
 * that have none.
 */
export function sameness(line: string): string {
  const object = objectIn(line);
  if (object === undefined) return line.trim();
  const { timestamp: _time, ...rest } = object;
  const names = Object.keys(rest);
  return names.length === 1 && typeof rest['message'] === 'string'
    ? rest['message'].trim()
    : JSON.stringify(rest);
}

const KNOWN = new Set(['timestamp', 'time', 'ts', 'message', 'msg', 'level']);

/** Fields that a structured line has besides its message. */
function besides(object: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(object)
    .filter(([name]) => !KNOWN.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

/** Smaller numbers are seconds, as some languages' metrics have them: in milliseconds this is 1973. */
const LEAST_MS = 1e11;

function timeOf(value: unknown): number | undefined {
  const at = typeof value === 'number' && Math.abs(value) < LEAST_MS ? value * 1000 : value;
  const ms = typeof at === 'number' || typeof at === 'string' ? new Date(at).getTime() : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** A line of JSON; undefined: it is none, or no object. */
function objectIn(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

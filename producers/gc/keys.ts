import { botIdProblem } from '../../model/bots.ts';

/** The three buckets that are swept. That of code archives is the platform's own. */
export type BucketKind = 'logs' | 'state' | 'queries';

/** What an object is, by its key alone. A key that is nothing of ours has no place and is left alone. */
export type Place =
  /** The log of one day. `endsMs`: when that day was over, UTC. */
  | { kind: 'log-day'; id: string; endsMs: number }
  /**
   * Half of an append of the earlier runtime, which moved logs in two steps; or what a process tried the storage’s
   * conditions with (`infra/s3/probe.ts`) and did not come to remove.
   */
  | { kind: 'temporary'; id: string | undefined }
  /** Whatever else lies in the folder of a bot's logs: goes with the bot alone. */
  | { kind: 'log-other'; id: string }
  | { kind: 'state'; id: string }
  | { kind: 'earlier-archive'; id: string }
  | { kind: 'query-result'; id: string };

const TEMPORARY = /^logs\/(?:([^/]+)\/)?(?:.*\/)?\.tmp-[^/]*$/;
const LOG = /^logs\/([^/]+)\/(.+)$/;
const DAY = /^(\d{4})(\d{2})(\d{2})\.log$/;
const PROBE = /^\.tmp-[^/]*$/;
const STATE = /^([^/]+)\/state\.tar\.gz$/;
const EARLIER = /^\.history\/([^/]+)\/[^/]+\.tar\.gz$/;
const QUERY_RESULT = /^([^/]+)\/\d+(?:-[0-9a-f]+)?\/result\.json$/;

const DAY_MS = 24 * 3_600_000;

export function placeOf(bucket: BucketKind, key: string): Place | undefined {
  switch (bucket) {
    case 'logs':
      return logPlace(key);
    case 'state':
      return PROBE.test(key)
        ? { kind: 'temporary', id: undefined }
        : (owned('state', STATE.exec(key)) ?? owned('earlier-archive', EARLIER.exec(key)));
    case 'queries':
      return owned('query-result', QUERY_RESULT.exec(key));
  }
}

/** Where all that belongs to a bot lies. What is found there is looked at again with `placeOf`: prefixes are shared. */
export const prefixesOf = (id: string): readonly (readonly [bucket: BucketKind, prefix: string])[] => [
  ['logs', `logs/${id}/`],
  ['state', `${id}/state.tar.gz`],
  ['state', `.history/${id}/`],
  ['queries', `${id}/`],
];

function logPlace(key: string): Place | undefined {
  const temporary = TEMPORARY.exec(key);
  if (temporary !== null) return { kind: 'temporary', id: idOf(temporary[1]) };
  const log = LOG.exec(key);
  const id = idOf(log?.[1]);
  if (id === undefined) return undefined;
  const day = DAY.exec(log?.[2] ?? '');
  const beganMs = day === null ? NaN : Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]));
  return Number.isNaN(beganMs)
    ? { kind: 'log-other', id }
    : { kind: 'log-day', id, endsMs: beganMs + DAY_MS };
}

function owned(
  kind: 'state' | 'earlier-archive' | 'query-result',
  match: RegExpExecArray | null,
): Place | undefined {
  const id = idOf(match?.[1]);
  return id === undefined ? undefined : { kind, id };
}

/** Only what may be an id is taken for one: what a prefix is made of must never be empty, or lead elsewhere. */
function idOf(text: string | undefined): string | undefined {
  return botIdProblem(text) === undefined ? text : undefined;
}

/** What every query program answers by itself: the paths that it knows. */
export const INFO_PATH = '/info';

const MOST = 40;
const MAX_PATH = 200;

/** The paths in an answer to `/info`, as far as it is one: a bot's own program wrote it. */
export function pathsOf(info: unknown): string[] {
  const named: unknown = (info as { available_queries?: unknown } | null | undefined)?.available_queries;
  if (!Array.isArray(named)) return [];
  const paths = named.filter(
    (each): each is string => typeof each === 'string' && each.startsWith('/') && each.length <= MAX_PATH,
  );
  return [...new Set(paths)].slice(0, MOST);
}

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { polls, recoveries } from '../api/connection.ts';
import { problemOf, type Problem } from '../api/problem.ts';

export type PageOf<T> = { items: readonly T[]; nextToken: string; total?: number };

export type Pages<T> = {
  items: readonly T[];
  state: 'loading' | 'ready' | 'failed';
  problem?: Problem;
  total?: number;
  /** Undefined: that was all. */
  more: (() => void) | undefined;
  reload: () => void;
  /** Reads the first page again, unless somebody has read on: they are not thrown back. */
  refresh: () => void;
  /** Puts one in place of what has its key, or before all others; `isNew` says whether it may be. */
  put: (item: T, isNew: boolean) => void;
};

type Held<T> = Omit<Pages<T>, 'more' | 'reload' | 'refresh' | 'put'> & { key: string; nextToken: string };

/** By so much a first page may grow while somebody looks; then it is read again, else a day of ticks would be drawn. */
const MOST_GROWN = 200;

/**
 * A list that is read a page at a time, as far as somebody wants to see it. Asks anew when `key` changes and when the API
 * comes back.
 */
export function usePages<T>(
  key: string,
  read: (token: string, signal: AbortSignal) => Promise<PageOf<T>>,
  idOf: (item: T) => string,
): Pages<T> {
  const [held, setHeld] = useState<Held<T>>({ key, items: [], state: 'loading', nextToken: '' });
  const [round, setRound] = useState(0);
  const newest = useRef({ read, idOf });
  newest.current = { read, idOf };
  const running = useRef<AbortController>(undefined);
  const pagesRead = useRef(0);
  const sizeRead = useRef(0);
  const back = recoveries.value;
  const polled = polls.value;

  const load = useCallback(
    (token: string, before: readonly T[]) => {
      running.current?.abort();
      const stop = new AbortController();
      running.current = stop;
      pagesRead.current = token === '' ? 1 : pagesRead.current + 1;
      newest.current.read(token, stop.signal).then(
        ({ items, nextToken, total }) => {
          if (stop.signal.aborted) return;
          sizeRead.current = before.length + items.length;
          const all = withoutDoubles([...before, ...items], newest.current.idOf);
          setHeld({ key, items: all, state: 'ready', nextToken, ...(total === undefined ? {} : { total }) });
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          setHeld((now) => ({
            ...now,
            key,
            items: now.key === key ? now.items : [],
            state: 'failed',
            problem: problemOf(error),
          }));
        },
      );
    },
    [key],
  );
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const refresh = useCallback(() => {
    if (pagesRead.current === 1) reload();
  }, [reload]);
  useEffect(() => {
    load('', []);
    return () => running.current?.abort();
  }, [load, round, back]);
  useEffect(() => {
    if (polled > 0) refresh();
  }, [polled]);

  const put = useCallback((item: T, isNew: boolean) => {
    setHeld((now) => {
      const id = newest.current.idOf(item);
      const at = now.items.findIndex((each) => newest.current.idOf(each) === id);
      if (at >= 0) return { ...now, items: now.items.with(at, item) };
      return isNew && now.state === 'ready' ? { ...now, items: [item, ...now.items] } : now;
    });
  }, []);
  useEffect(() => {
    if (held.items.length - sizeRead.current > MOST_GROWN) refresh();
  }, [held.items.length, refresh]);
  const isCurrent = held.key === key;
  const { items, nextToken, state, problem, total } = held;
  return {
    items: isCurrent ? items : [],
    state: isCurrent ? state : 'loading',
    ...(isCurrent && problem !== undefined ? { problem } : {}),
    ...(isCurrent && total !== undefined ? { total } : {}),
    more: isCurrent && nextToken !== '' ? () => load(nextToken, items) : undefined,
    reload,
    refresh,
    put,
  };
}

/** What came at the top while pages were read pushes others onto the next page, where they were before. */
function withoutDoubles<T>(items: readonly T[], idOf: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const id = idOf(item);
    return seen.has(id) ? false : (seen.add(id), true);
  });
}

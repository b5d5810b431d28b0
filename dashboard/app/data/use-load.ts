import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { polls, recoveries } from '../api/connection.ts';
import { problemOf, type Problem } from '../api/problem.ts';

/** What is asked of the API. What was known stays to be seen while it is asked again, and if that fails. */
export type Loaded<T> =
  | { state: 'loading'; value?: undefined; problem?: undefined }
  | { state: 'ready'; value: T; problem?: undefined }
  | { state: 'failed'; value?: T | undefined; problem: Problem };

export type Reload = () => void;

/**
 * Asks when `key` changes, when told to, when the API comes back after it was away, once the stream has begun that tells of
 * changes, and every so often where there is none.
 * `load`: may be another function each time; the newest is taken.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): [Loaded<T>, Reload] {
  const [loaded, setLoaded] = useState<{ key: string; is: Loaded<T> }>({ key, is: { state: 'loading' } });
  const [round, setRound] = useState(0);
  const newest = useRef(load);
  newest.current = load;
  const back = recoveries.value;
  const polled = polls.value;
  useEffect(() => {
    const stop = new AbortController();
    newest.current(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) setLoaded({ key, is: { state: 'ready', value } });
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const problem = problemOf(error);
        setLoaded((before) => ({
          key,
          is: { state: 'failed', problem, ...(before.key === key ? { value: before.is.value } : {}) },
        }));
      },
    );
    return () => stop.abort();
  }, [key, round, back, polled]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return [loaded.key === key ? loaded.is : { state: 'loading' }, reload];
}

/** Asks again every so often, while somebody looks. */
export function useEvery(ms: number, reload: Reload): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, ms);
    return () => clearInterval(timer);
  }, [ms, reload]);
}

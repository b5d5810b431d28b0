import { useEffect, useRef } from 'preact/hooks';
import type { StreamEventsResponse } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { onEvent } from './live.ts';

/** Tells of each event while the page is there. `listener`: may be another function each time. */
export function useEvents(listener: (answer: StreamEventsResponse) => void): void {
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => onEvent((answer) => newest.current(answer)), []);
}

/** Calls at once, and for all calls within `ms` after that once more at their end. */
export function useThrottled(ms: number, call: () => void): () => void {
  const newest = useRef(call);
  newest.current = call;
  const state = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; again: boolean }>({
    timer: undefined,
    again: false,
  });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return () => {
    if (state.current.timer !== undefined) {
      state.current.again = true;
      return;
    }
    newest.current();
    state.current.timer = setTimeout(() => {
      state.current.timer = undefined;
      if (state.current.again) {
        state.current.again = false;
        newest.current();
      }
    }, ms);
  };
}

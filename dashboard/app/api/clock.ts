import { computed, signal } from '@preact/signals';

/**
 * The server's time. A browser's clock may be hours off, so it is only asked how much time goes by, and that by the
 * clock that nobody sets.
 */
let offsetMs = Date.now() - performance.now();
let isKnown = false;
let bestTripMs = Number.POSITIVE_INFINITY;

/** Ticks each second, in the server's milliseconds since the epoch. */
export const now = signal(Date.now());

/** Changes each minute: for what need not be made anew each second. */
export const minute = computed(() => Math.floor(now.value / 60_000));

/** In whole milliseconds. */
export const serverNowMs = (): number => Math.round(performance.now() + offsetMs);

/** `sentMs`, `gotMs`: of the question, by `performance.now()`. */
export function learnTime(serverMs: number, sentMs: number, gotMs: number): void {
  const tripMs = gotMs - sentMs;
  // The quickest answer knows best; a slow one says little, unless a machine slept and all is off.
  const isOff = Math.abs(serverMs - (gotMs + offsetMs)) > tripMs + 2_000;
  if (isKnown && tripMs > bestTripMs && !isOff) return;
  bestTripMs = isOff ? tripMs : Math.min(bestTripMs, tripMs);
  isKnown = true;
  offsetMs = serverMs + tripMs / 2 - gotMs;
  now.value = serverNowMs();
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = serverNowMs();
  }, 1_000);
}

import { useEffect, useState } from 'preact/hooks';
import { connection, recoveries, tryNow } from '../api/connection.ts';
import { loginHref, session } from '../api/session.ts';
import { now } from '../api/clock.ts';
import { lasting } from '../parts/format.ts';

/** Says what is wrong with the connection while something is, and for a moment that it is well again. */
export function Banner() {
  const is = connection.value;
  return (
    <div class="banners" role="status" aria-live="polite">
      {is.state === 'away' ? <Away {...is} /> : null}
      {is.state === 'ended' ? (
        <p class="banner ended">
          <strong>Your session has ended.</strong> What you see stays as it was.{' '}
          <a class="button small" href={loginHref()}>
            Log in again
          </a>
        </p>
      ) : null}
      {is.state === 'up' ? <Expiring /> : null}
      <Back />
    </div>
  );
}

function Away({ sinceMs, nextTryAtMs, why }: { sinceMs: number; nextTryAtMs: number; why: string }) {
  // Read for its ticks alone: how long it takes is told by the clock that nobody sets.
  void now.value;
  const leftMs = nextTryAtMs - performance.now();
  return (
    <p class="banner away">
      <strong>{why}.</strong> What you see is as it was{' '}
      {lasting(Math.max(1_000, performance.now() - sinceMs))} ago;{' '}
      {leftMs > 500 ? `the next try is in ${Math.ceil(leftMs / 1_000)} s` : 'trying'}.{' '}
      <button type="button" class="button small" onClick={tryNow}>
        Try now
      </button>
    </p>
  );
}

const SHOWN_MS = 5_000;

function Back() {
  const times = recoveries.value;
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (times === 0) return;
    setShown(true);
    const timer = setTimeout(() => setShown(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [times]);
  return isShown && connection.value.state === 'up' ? (
    <p class="banner back">The API answers again.</p>
  ) : null;
}

const SOON_MS = 15 * 60_000;

function Expiring() {
  const ends = session.value?.expiresAtMs;
  if (ends === undefined) return null;
  const leftMs = ends - now.value;
  return leftMs > 0 && leftMs < SOON_MS ? (
    <p class="banner soon">Your session ends in {lasting(Math.ceil(leftMs / 60_000) * 60_000)}.</p>
  ) : null;
}

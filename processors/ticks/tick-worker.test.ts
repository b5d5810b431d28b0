import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Pass } from './due-book.ts';
import { handleAlarm } from './tick-worker.ts';

const PASS: Pass = { schedules: 1, ticks: 1, stopped: false };
const TEN = Date.parse('2026-11-24T10:00:00Z');
/** Rings for ten o'clock. */
const alarm = (ringsMs = TEN) => ({
  repeatJobKey: 'a',
  opts: { prevMillis: ringsMs, repeat: { pattern: 'CRON_TZ=UTC 0 * * * *' } },
});
const running = { signal: new AbortController().signal };

/** A clock that goes on from that moment, or stands: by it any wait is endless; and when the book was opened by it. */
function setUp(startMs: number, { pass = PASS, stands = false } = {}) {
  const startedAt = performance.now();
  const clock = { now: () => (stands ? startMs : startMs + performance.now() - startedAt) };
  const opened: number[] = [];
  const book = {
    handleDue: async () => {
      opened.push(clock.now());
      return pass;
    },
  };
  return { clock, book, opened };
}

describe('an alarm', () => {
  it('that rings in time, or late, has all that is due handled', async () => {
    const { clock, book, opened } = setUp(TEN + 5);
    expect(await handleAlarm({ clock, book }, alarm(), running)).toMatchObject({
      kind: 'done',
      outcome: 'succeeded',
    });
    expect(opened).toHaveLength(1);
  });

  it.each([
    ['by a clock that is ahead', TEN],
    ['because it was set to', TEN - 80],
  ])('that rings a little too early, %s, waits for its time', async (_title, ringsMs) => {
    const { clock, book, opened } = setUp(TEN - 80);
    const handling = handleAlarm({ clock, book }, alarm(ringsMs), running);
    // Told by another timer, which is as late as the alarm's own where the machine is.
    expect(await Promise.race([handling, sleep(580, 'far too late')])).toMatchObject({ kind: 'done' });
    expect(opened).toHaveLength(1);
    expect(opened[0]).toBeGreaterThanOrEqual(TEN);
  });

  it.each([3_000, 3_600_000])('that rings %d ms too early does not wait', async (earlyMs) => {
    const { clock, book, opened } = setUp(TEN - earlyMs, { stands: true });
    expect(await handleAlarm({ clock, book }, alarm(), running)).toMatchObject({ kind: 'done' });
    expect(opened).toEqual([TEN - earlyMs]);
  });

  it('that waits is handed back when the processor stops', async () => {
    const { clock, book, opened } = setUp(TEN - 1_500);
    const stopping = new AbortController();
    const handling = handleAlarm({ clock, book }, alarm(), { signal: stopping.signal });
    stopping.abort();
    expect(await handling).toEqual({ kind: 'again', afterMs: 0 });
    expect(opened).toEqual([]);
  });

  it('is handed back where its pass was stopped short', async () => {
    const { clock, book } = setUp(TEN, { pass: { ...PASS, stopped: true } });
    expect(await handleAlarm({ clock, book }, alarm(), running)).toEqual({ kind: 'again', afterMs: 0 });
  });

  it('of a sweep stands for no time, and waits for none', async () => {
    const { clock, book, opened } = setUp(TEN - 1_500, { stands: true });
    await handleAlarm({ clock, book }, { opts: {} }, running);
    expect(opened).toEqual([TEN - 1_500]);
  });
});

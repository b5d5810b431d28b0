/** When a schedule is due: a cron text in a zone. Made by `parseTiming`. Times are epoch milliseconds, whole seconds. */
export type Timing = {
  /** Both in one line (`CRON_TZ=Europe/Berlin 30 9 * * 1-5`); `timingOf` reads it back. Equal timings have equal texts. */
  readonly text: string;
  readonly cron: string;
  readonly zone: string;
  /** The first nominal time after that moment; undefined if there is none within the calendar's reach. */
  next(afterMs: number): number | undefined;
  /** The last nominal time at or before that moment. */
  previous(atMs: number): number | undefined;
};

/** Nominal times in (afterMs, untilMs], oldest first, at most `limit`. */
export function nominalsBetween(timing: Timing, afterMs: number, untilMs: number, limit: number): number[] {
  const times: number[] = [];
  let at = timing.next(afterMs);
  while (at !== undefined && at <= untilMs && times.length < limit) {
    times.push(at);
    at = timing.next(at);
  }
  return times;
}

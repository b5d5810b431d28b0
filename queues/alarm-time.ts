import type { Timing } from '../model/cron/timing.ts';

/**
 * Alarms ring so much ahead of the nominal time, and the handler waits for the rest: what Redis takes to wake a worker, and
 * BullMQ to set the next alarm, is over by then. Far less than the second that lies between two nominal times at least.
 */
const LEAD_MS = 25;

/** When the alarm of a timing's next nominal time rings, for alarms that ring after that moment. Epoch milliseconds. */
export function alarmTime(timing: Pick<Timing, 'next'>, afterMs: number): number | undefined {
  const nominalMs = timing.next(afterMs + LEAD_MS);
  return nominalMs === undefined ? undefined : nominalMs - LEAD_MS;
}

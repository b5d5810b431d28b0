import type { MongoClient } from 'mongodb';
import { bestReading, mongoTime } from '../infra/clock.ts';

const SAMPLES = 3;

/**
 * MongoDB's time, asked for once and continued by the monotonic clock: what a person asks for from a laptop whose clock is
 * an hour ahead is due now, not in an hour.
 */
export async function mongoClock(client: MongoClient, answerWithinMs: number): Promise<() => Date> {
  const host = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
  const { offsetMs } = await bestReading(mongoTime(client), { host, samples: SAMPLES, answerWithinMs });
  return () => new Date(host.monotonicMs() + offsetMs);
}

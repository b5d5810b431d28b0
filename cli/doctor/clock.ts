import { bestReading, type TimeSource } from '../../infra/clock.ts';
import { ok, warn, type Check } from './check.ts';
import { PATIENCE_MS } from './probed.ts';

/** How far this machine's clock is ahead of a server's, in milliseconds; undefined where the server did not tell. */
export type Skews = { mongo: number | undefined; redis: number | undefined; s3: number | undefined };

const SAMPLES = 3;
/** Beyond this the processes call themselves degraded: delayed jobs come so much too late, or too early. */
const TOLERATED_MS = 500;
/** S3 tells whole seconds, and takes requests that are minutes off; from here on ours are signed with the true time. */
const TOLERATED_BY_S3_MS = 30_000;

const SERVERS = [
  ['mongo', 'MongoDB', TOLERATED_MS, 'schedules follow its time, not this machine’s'],
  ['redis', 'Redis', TOLERATED_MS, 'delayed jobs come that much too early or too late'],
  ['s3', 'S3', TOLERATED_BY_S3_MS, 'requests are signed with MongoDB’s time instead'],
] as const;

/** Milliseconds, or undefined where the server does not tell: it has been asked for more than this. */
export async function skewAgainst(source: TimeSource, samples = SAMPLES): Promise<number | undefined> {
  const host = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
  try {
    const reading = await bestReading(source, { host, samples, answerWithinMs: PATIENCE_MS - 1_000 });
    return reading.skewMs;
  } catch {
    return undefined;
  }
}

/** The time in the `Date` of any answer, the middle of its second. */
export const httpTime =
  (url: string, signal: AbortSignal): TimeSource =>
  async () => {
    const answer = await fetch(url, { method: 'HEAD', signal, redirect: 'manual' });
    const at = Date.parse(answer.headers.get('date') ?? '');
    if (Number.isNaN(at)) throw new Error(`${url} does not tell its time`);
    return at + 500;
  };

/** One check for each server that told its time. Pure. */
export function clockChecks(skews: Skews): Check[] {
  return SERVERS.flatMap(([key, product, tolerated, effect]) => {
    const skew = skews[key];
    if (skew === undefined) return [];
    const name = `clock against ${product}`;
    const text = skewText(skew, key === 's3' ? 1_000 : 1);
    return [
      Math.abs(skew) > tolerated
        ? warn(name, `${text}: ${effect}`, 'let NTP set the clocks of both (chrony, systemd-timesyncd)')
        : ok(name, text),
    ];
  });
}

/** `resolutionMs`: of the server's answer. */
function skewText(skewMs: number, resolutionMs: number): string {
  const off = Math.abs(skewMs);
  if (off <= resolutionMs)
    return resolutionMs === 1 ? 'the same, to the millisecond' : 'the same, to the second';
  const amount = off < 1_000 ? `${Math.round(off)} ms` : `${(off / 1_000).toFixed(1)} s`;
  return `this machine is ${amount} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

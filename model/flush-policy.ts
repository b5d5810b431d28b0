/**
 * When the output of a bot is saved. Its log of a day is one object, and S3 cannot append: below 5 MiB each flush uploads
 * the whole object anew, above it copies it server-side and uploads only what is new. So the wait grows with what a flush
 * costs, and a bot that prints fast, to which a rewrite matters little, waits less.
 */
export type FlushPolicy = {
  /** Output waits at least so long: what comes together is saved together. */
  afterMs: number;
  /** And at most so long. */
  maxMs: number;
  /** So much output is saved at once: more would outrun the engine's own files. */
  urgentBytes: number;
  /** A log of a day that holds so much takes no more (LOG_DAY_MB). */
  dayBytes: number;
};

/** What is known of a bot with output that is not saved yet. */
export type Unsaved = {
  /** Size of its log of the day, of which the hint in `botLogs` may be a little old; 0: none yet. */
  objectBytes: number;
  newBytes: number;
  /** Of the oldest output that is not saved. */
  ageMs: number;
};

/** S3 takes server-side copies as parts of an object only from this size on. */
export const APPENDABLE_BYTES = 5 * 1024 * 1024;

/** From this size to `APPENDABLE_BYTES`, rewriting is so dear that output waits its full time. */
const DEAR_REWRITE_BYTES = 320 * 1024;
/**
 * The same for server-side copies: nobody uploads them, but each is of all there is, so that a day of them is its log times
 * the number of flushes, halved.
 */
const DEAR_COPY_BYTES = 32 * 1024 * 1024;
/** How much output justifies a rewrite early: see `worthRewriting`. */
const EARLY_SECONDS = 600;

/** True when the output has to be saved now. */
export function flushDue(unsaved: Unsaved, policy: FlushPolicy): boolean {
  const { objectBytes, newBytes, ageMs } = unsaved;
  if (newBytes <= 0) return false;
  // Nothing of it would be kept before the day changes, which the flush then tells.
  if (objectBytes >= policy.dayBytes) return ageMs >= policy.maxMs;
  if (newBytes >= policy.urgentBytes) return true;
  if (ageMs < policy.afterMs) return false;
  return ageMs >= flushLagMs(objectBytes, policy) || worthRewriting(unsaved);
}

/** How long output waits at most, by the size of the object it goes to. */
export function flushLagMs(objectBytes: number, policy: Pick<FlushPolicy, 'afterMs' | 'maxMs'>): number {
  const dear = objectBytes < APPENDABLE_BYTES ? DEAR_REWRITE_BYTES : DEAR_COPY_BYTES;
  const span = Math.max(0, policy.maxMs - policy.afterMs);
  return policy.afterMs + span * Math.min(1, objectBytes / dear);
}

/**
 * The faster a bot prints, the shorter is its way to the size from which on appending is cheap, and the less do rewrites
 * weigh against its log of the day. With the share that is new growing as the root of the wait, all rewrites together
 * cost a bot that prints evenly a share of its daily log that is the same at any rate.
 */
function worthRewriting({ objectBytes, newBytes, ageMs }: Unsaved): boolean {
  return objectBytes < APPENDABLE_BYTES && newBytes >= objectBytes * Math.sqrt(ageMs / 1000 / EARLY_SECONDS);
}

/** The policy as the settings have it. */
export function flushPolicyOf(settings: {
  LOG_FLUSH_AFTER: number;
  LOG_FLUSH_MAX: number;
  LOG_ENGINE_MB: number;
  LOG_DAY_MB: number;
}): FlushPolicy {
  return {
    afterMs: settings.LOG_FLUSH_AFTER,
    maxMs: Math.max(settings.LOG_FLUSH_AFTER, settings.LOG_FLUSH_MAX),
    // The engine keeps three files and drops the oldest: with a third unsaved, nothing is lost yet.
    urgentBytes: Math.min(8 * 1024 * 1024, (settings.LOG_ENGINE_MB / 6) * 1024 * 1024),
    dayBytes: settings.LOG_DAY_MB * 1024 * 1024,
  };
}

import type { Phase } from '../model/status.ts';
import type { BotLock } from './lock.ts';

/** Transitions quicker than this are not worth a write of their own. */
const WORTH_SAYING_MS = 250;

/** Runs a step and, only if it takes a moment, says in the status what is going on. */
export async function sayingWhenSlow<T>(
  lock: BotLock,
  say: { phase: Phase; reason: string; since: Date },
  step: () => Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => {
    // A lost lock shows at the next check; the status then belongs to somebody else.
    lock.update({ set: say }).catch(() => undefined);
  }, WORTH_SAYING_MS);
  try {
    return await step();
  } finally {
    clearTimeout(timer);
  }
}

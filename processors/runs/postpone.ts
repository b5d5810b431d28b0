import { backoffDelayMs } from '../../model/backoff.ts';
import { durationText } from '../../model/duration.ts';
import type { Failure } from '../errors.ts';
import { endRun } from './finish.ts';
import { again, fieldsOf, step, timeoutMsOf, type StepResult, type TakenPass } from './pass.ts';
import type { RunChange } from './record.ts';
import { triesInWords } from './words.ts';

/** A circumstance keeps the run from starting: no attempt of it has failed, and it is tried until that makes no sense. */
export async function postpone(
  pass: TakenPass,
  failure: Failure,
  unset: NonNullable<RunChange['unset']> = [],
): Promise<StepResult> {
  const { deps, run } = pass;
  const { random, now } = deps.clock;
  const failures = (run.preparation?.failures ?? 0) + 1;
  const delayMs = backoffDelayMs(failures, deps.policy.backoff, random);
  const late = tooLate(pass, delayMs, failure.message);
  if (late !== undefined) return endRun(pass, 'failed', late);
  const reason = `It could not be started: ${failure.message} (${triesInWords(failures)}). It is tried again.`;
  const since = run.preparation?.since ?? new Date(now());
  const said = await step(pass, {
    set: {
      state: 'preparing',
      reason,
      preparation: { since, failures },
      nextAttemptAt: new Date(now() + delayMs),
    },
    unset,
  });
  if (!said) return undefined;
  deps.log.warn({ ...fieldsOf(pass), code: failure.code, delayMs }, reason);
  return again(delayMs, 'deferred');
}

/** Why it is not tried again, if it would start later than it should have ended. */
export function tooLate({ deps, run }: TakenPass, delayMs: number, why: string): string | undefined {
  const timeoutMs = timeoutMsOf(deps, run);
  const since = run.preparation?.since.getTime() ?? deps.clock.now();
  if (deps.clock.now() + delayMs <= since + timeoutMs) return undefined;
  return `It could not be started within its timeout of ${durationText(timeoutMs)}: ${why}.`;
}

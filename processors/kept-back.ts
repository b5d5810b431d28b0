import type { ContainerDetail } from '../infra/engine/port.ts';
import type { Pass, PassResult } from './converge.ts';
import { attemptOf, type Desired } from './desired.ts';
import { StartProblem } from './errors.ts';
import type { NotKept } from './keeping.ts';

const OUTPUT_WAITS = 'output_not_saved';
const STATE_TOO_LARGE = 'state_too_large';
/** While object storage is away. */
const AGAIN_MS = 20_000;

/** Thrown where nothing can be started before the output of the last container is saved: tried again, with back-off. */
export const outputWaits = (why: NotKept): StartProblem =>
  new StartProblem(
    OUTPUT_WAITS,
    `Its last container has ended and stays until its output can be saved: ${why.message}`,
    { retryable: true, cause: why },
  );

/** A bot that is to be replaced, because of a change or a wish, runs on as it is. */
export function replacementWaits(
  pass: Pass,
  container: ContainerDetail,
  { because, why }: { because: string; why: NotKept },
): PassResult {
  const at = nextAttempt(pass);
  const reason = `It is to be replaced (${because}) and runs on as it is until its output can be saved: ${why.message}`;
  const startedAt = new Date(container.startedAtMs ?? pass.deps.clock.now().getTime());
  return {
    change: {
      set: {
        phase: 'running',
        reason,
        since: startedAt,
        startedAt,
        containerId: container.id,
        image: container.image,
        nextAttemptAt: at,
        failureCode: OUTPUT_WAITS,
        permanent: false,
      },
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/** A bot that is to rest has ended, and its container stays. */
export function restWaits(pass: Pass, wish: string, why: NotKept): PassResult {
  const at = nextAttempt(pass);
  const reason = `${wish} It does not run any more; its container stays until its output can be saved: ${why.message}`;
  return {
    change: {
      set: {
        phase: 'stopping',
        reason,
        since: pass.status.phase === 'stopping' ? pass.status.since : pass.deps.clock.now(),
        nextAttemptAt: at,
        failureCode: OUTPUT_WAITS,
        permanent: false,
      },
      unset: ['startedAt', 'attemptedFingerprint', 'attemptedRestarts'],
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/**
 * A bot whose state is over its limit does not run until that changes. `why`: its container stays meanwhile, and another
 * look is taken at it.
 */
export function stateForbids(
  pass: Pass,
  desired: Extract<Desired, { kind: 'run' }>,
  reason: string,
  why: NotKept | undefined,
): PassResult {
  const { status, deps } = pass;
  const set = {
    phase: 'failed' as const,
    reason,
    since: status.failureCode === STATE_TOO_LARGE ? status.since : deps.clock.now(),
    permanent: true,
    failureCode: STATE_TOO_LARGE,
    ...attemptOf(desired),
  };
  if (why === undefined)
    return {
      change: { set, unset: ['nextAttemptAt', 'containerId', 'startedAt'] },
      outcome: { kind: 'failed', code: STATE_TOO_LARGE, reason },
    };
  const at = nextAttempt(pass);
  return {
    change: {
      set: { ...set, nextAttemptAt: at },
      unset: ['containerId', 'startedAt'],
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/** No crash and no failed start, so not counted as one: looked at again at even pace, not by all bots at once. */
function nextAttempt({ deps: { policy, clock } }: Pass): Date {
  const delayMs = Math.min(policy.backoff.maxMs, AGAIN_MS) * (0.5 + clock.random() / 2);
  return new Date(clock.now().getTime() + Math.round(delayMs));
}

import type { Collection } from 'mongodb';
import type { Engine } from '../infra/engine/port.ts';
import { backoffDelayMs, type BackoffPolicy } from '../model/backoff.ts';
import { recordedTraceId } from '../infra/tracing/tracing.ts';
import { botIdProblem } from '../model/bots.ts';
import type { BotStatus } from '../model/status.ts';
import { attemptOf, sameDesire, type Desired, type DesiredReader } from './desired.ts';
import { describeFailure, LockLost, NotReadyYet } from './errors.ts';
import type { Keeping } from './keeping.ts';
import { BotLock, type StatusChange } from './lock.ts';
import { rest } from './rest.ts';
import { run } from './run.ts';
import { StartTiming } from './start-timing.ts';
import type { Launcher } from './launch.ts';
import { Superseded } from './wish-watch.ts';

/** How one pass over a bot ended. */
export type Outcome =
  /** As it should be now. */
  | { kind: 'settled'; phase: string; reason: string }
  /** Another processor is at it. */
  | { kind: 'busy' }
  /** Something slow goes on in the background; worth another look in a moment. */
  | { kind: 'waiting'; reason: string }
  /** Tried, and to be tried again at that time. */
  | { kind: 'deferred'; at: Date; reason: string }
  /** Cannot succeed as things are. */
  | { kind: 'failed'; code: string; reason: string }
  /** Another processor took over midway. */
  | { kind: 'superseded' };

export type ConvergeDeps = {
  wishes: DesiredReader;
  statuses: Collection<BotStatus>;
  engine: Engine;
  /** Throws where the engine that answers is not the installation's own: what that one lacks says nothing of the bot. */
  sameEngine: () => Promise<void>;
  launcher: Pick<Launcher, 'start' | 'startAgain'>;
  keeping: Keeping;
  /** Name of this processor in locks. */
  owner: string;
  policy: { backoff: BackoffPolicy; stableAfterMs: number; stopGraceMs: number; lastOutputLines: number };
  /** Puts a start of the bot on its queue, to be taken after the delay. */
  defer: (botId: string, delayMs: number, cause: string) => Promise<void>;
  /** Takes a start that waits for its time off the queue. */
  withdraw: (botId: string) => Promise<void>;
  clock: { now: () => Date; random: () => number };
};

/** What a pass ends in: the last status fields, and the outcome for the queue. */
export type PassResult = { change: StatusChange; outcome: Outcome } | { forget: true; outcome: Outcome };

/** Everything one pass over a bot works with. `status` follows what was written. */
export type Pass = {
  deps: ConvergeDeps;
  lock: BotLock;
  status: BotStatus;
  desired: Desired;
  /** A person does not want to wait for the end of a back-off. */
  hurry: boolean;
  timing: StartTiming;
  /** Aborts when the lock is lost or the processor drains. */
  signal: AbortSignal;
  readDesired: () => Promise<Desired>;
};

/** Code of a start that is held back because the bot's state cannot be had just now. */
const STATE_UNAVAILABLE = 'state_unavailable';

/** A wish that changes faster than we can follow is left to the next job after so many rounds. */
const MAX_ROUNDS = 5;

/**
 * Makes one bot be as it should be: reads the desired state, compares it with the engine, does what is missing, and
 * reads again before it leaves. Safe to run at any time, any number of times, on any processor.
 */
export async function converge(
  deps: ConvergeDeps,
  botId: string,
  options: { drain: AbortSignal; hurry?: boolean; timing?: StartTiming },
): Promise<Outcome> {
  const { drain, hurry = false, timing = new StartTiming() } = options;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const lock = await timing.measure('lock', () =>
      BotLock.acquire({ statuses: deps.statuses, botId, owner: deps.owner }),
    );
    if (lock === undefined) return { kind: 'busy' };
    const pass = await underLock(deps, lock, { drain, hurry, timing });
    if (!pass.again) return pass.outcome;
  }
  // The newest wish may be one that a deferral of ours has replaced on the queue: the job itself looks again.
  return { kind: 'waiting', reason: 'its wish changes faster than it can be followed' };
}

async function underLock(
  deps: ConvergeDeps,
  lock: BotLock,
  { drain, hurry, timing }: { drain: AbortSignal; hurry: boolean; timing: StartTiming },
): Promise<{ outcome: Outcome; again: boolean }> {
  const read = (): Promise<Desired> => deps.wishes.read(lock.botId);
  try {
    const desired = await read();
    const pass: Pass = {
      deps,
      lock,
      status: lock.found,
      desired,
      hurry,
      timing,
      signal: AbortSignal.any([lock.lost, drain]),
      readDesired: read,
    };
    const result = await attempt(pass);
    // Deferral first, then the reading, then the release: a wish that came before our deferral is seen here, and one
    // that comes after it replaces it on the queue. So none is held up by a back-off that it should have ended.
    if (result.outcome.kind === 'deferred') await deferStart(deps, lock.botId, result.outcome);
    else if (desired.kind !== 'run') await withdrawStart(pass);
    const [now] = await Promise.all([
      read(),
      'forget' in result ? lock.releaseAndForget() : lock.release(withTrace(pass, result.change)),
    ]);
    return { outcome: result.outcome, again: !sameDesire(desired, now) };
  } catch (error) {
    // Whatever else went wrong, went wrong because somebody else is at this bot: they finish it.
    const superseded = { outcome: { kind: 'superseded' as const }, again: false };
    if (error instanceof LockLost || lock.lost.aborted) return superseded;
    try {
      await lock.release();
    } catch (failure) {
      if (failure instanceof LockLost) return superseded;
      // MongoDB is away: the lock lapses by itself, and the first error says more.
    }
    if (error instanceof Superseded)
      return { outcome: { kind: 'waiting', reason: error.message }, again: true };
    if (drain.aborted)
      return { outcome: { kind: 'waiting', reason: 'the processor is stopping' }, again: false };
    throw error;
  }
}

/** Where people find what led to this and what was done. A look that found all well, or the same as before, is no part of it. */
function withTrace({ lock: { found } }: Pass, change: StatusChange): StatusChange {
  const after = (field: (typeof TELLING)[number]): unknown =>
    change.unset?.includes(field) === true ? undefined : (change.set[field] ?? found[field]);
  if (TELLING.every((field) => after(field) === found[field])) return change;
  const traceId = recordedTraceId();
  if (traceId !== undefined) return { ...change, set: { ...change.set, traceId } };
  return found.traceId === undefined ? change : { ...change, unset: [...(change.unset ?? []), 'traceId'] };
}

/** What is another after something was done. */
const TELLING = ['phase', 'containerId', 'consecutiveFailures'] as const;

async function attempt(pass: Pass): Promise<PassResult> {
  const problem = botIdProblem(pass.lock.botId);
  if (problem !== undefined) return unusableId(pass, problem);
  if (pass.desired.kind !== 'run') {
    await pass.deps.sameEngine();
    return rest(pass, pass.desired);
  }
  try {
    await pass.deps.sameEngine();
    return await run(pass, pass.desired);
  } catch (error) {
    if (error instanceof LockLost || error instanceof Superseded || pass.signal.aborted) throw error;
    if (error instanceof NotReadyYet) return waiting(pass, error);
    return startFailed(pass, pass.desired, error);
  }
}

/** A document whose id cannot name a container, however it came into the database: no engine call is made for it. */
function unusableId(pass: Pass, problem: string): PassResult {
  const outcome = {
    kind: 'failed' as const,
    code: 'bad_id',
    reason: `The bot cannot run: ${problem}. Delete it and create it anew.`,
  };
  if (pass.desired.kind === 'gone')
    return { forget: true, outcome: { kind: 'settled', phase: 'gone', reason: problem } };
  return {
    change: {
      set: {
        phase: pass.desired.kind === 'run' ? 'failed' : pass.desired.phase,
        reason: outcome.reason,
        since: pass.status.since,
        permanent: true,
        failureCode: outcome.code,
        ...(pass.desired.kind === 'run' ? attemptOf(pass.desired) : {}),
      },
    },
    outcome,
  };
}

function waiting(pass: Pass, error: NotReadyYet): PassResult {
  const since = pass.status.phase === 'starting' ? pass.status.since : pass.deps.clock.now();
  return {
    change: { set: { phase: 'starting', reason: `Waiting: ${error.message}.`, since } },
    outcome: { kind: 'waiting', reason: error.message },
  };
}

function startFailed(pass: Pass, desired: Extract<Desired, { kind: 'run' }>, error: unknown): PassResult {
  const failure = describeFailure(error);
  const now = pass.deps.clock.now();
  const known = pass.status.attemptedFingerprint === desired.fingerprint;
  const phase = failure.code === STATE_UNAVAILABLE ? ('state-unavailable' as const) : ('failed' as const);
  const common = {
    phase,
    since: pass.status.phase === phase && known ? pass.status.since : now,
    failureCode: failure.code,
    ...attemptOf(desired),
  };
  if (!failure.retryable) {
    return {
      change: {
        set: { ...common, permanent: true, reason: failure.message },
        unset: ['nextAttemptAt', 'containerId', 'startedAt'],
      },
      outcome: { kind: 'failed', code: failure.code, reason: failure.message },
    };
  }
  const failures = (known ? pass.status.consecutiveFailures : 0) + 1;
  const delayMs = backoffDelayMs(failures, pass.deps.policy.backoff, pass.deps.clock.random);
  const at = new Date(now.getTime() + delayMs);
  const reason = `${failure.message} (tried ${failures} time${failures === 1 ? '' : 's'})`;
  return {
    change: {
      set: { ...common, permanent: false, consecutiveFailures: failures, nextAttemptAt: at, reason },
      unset: ['containerId', 'startedAt'],
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/**
 * A bot that rests waits for nothing. Should its owner change his mind, the start that this leads to must not join one that
 * waits for the end of an old back-off; it is looked for among the wishes after this, so none is lost with it.
 */
async function withdrawStart({ deps, lock }: Pass): Promise<void> {
  if (lock.found.nextAttemptAt === undefined) return;
  // Left over because Redis is away, it does no harm: the planner's starts replace it, or it finds nothing to do.
  await deps.withdraw(lock.botId).catch(() => undefined);
}

async function deferStart(
  deps: ConvergeDeps,
  botId: string,
  outcome: { at: Date; reason: string },
): Promise<void> {
  const delayMs = Math.max(0, outcome.at.getTime() - deps.clock.now().getTime());
  await deps.defer(botId, delayMs, `next attempt after: ${outcome.reason}`);
}

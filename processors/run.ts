import type { ContainerDetail } from '../infra/engine/port.ts';
import { backoffDelayMs, failuresAfterExit } from '../model/backoff.ts';
import { LABEL, restartsOf } from '../model/labels.ts';
import { containerName } from '../model/names.ts';
import type { LastExit } from '../model/status.ts';
import { isRecorded, isUp, keep, readExit, removeEnded, saveExit, stopAndRecord } from './containers.ts';
import type { Pass, PassResult } from './converge.ts';
import { attemptOf, type Desired } from './desired.ts';
import { exitInWords } from './exits.ts';
import type { NotKept } from './keeping.ts';
import { outputWaits, replacementWaits, stateForbids } from './kept-back.ts';

type Wanted = Extract<Desired, { kind: 'run' }>;
type Running = {
  id: string;
  image: string;
  startedAtMs: number;
  adopted: boolean;
  notes?: readonly string[];
};

/**
 * What a look at the bot's container leads to: nothing is in the way of a new one; the ended one cannot be removed yet, and
 * may run on; the pass is over.
 */
type Cleared =
  | { kind: 'free'; notes: readonly string[] }
  | { kind: 'kept'; container: ContainerDetail; why: NotKept }
  | { kind: 'over'; result: PassResult };

/** Makes a bot run: adopts what runs rightly, replaces what runs wrongly, deals with what ended, and starts. */
export async function run(pass: Pass, desired: Wanted): Promise<PassResult> {
  const { engine, launcher, clock } = pass.deps;
  forgetFailuresOfBefore(pass, desired);
  const container = await engine.inspect(containerName(engine.installation, pass.lock.botId));
  const cleared: Cleared = container === undefined ? FREE : await clear(pass, desired, container);
  if (cleared.kind === 'over') return cleared.result;
  const notYet = pass.hurry ? undefined : stillBackingOff(pass, desired);
  if (notYet !== undefined) return notYet;
  if (cleared.kind === 'kept') return startAgain(pass, desired, cleared);
  const started = await launcher.start(pass, desired);
  return running(pass, desired, {
    ...started,
    notes: [...cleared.notes, ...started.notes],
    startedAtMs: clock.now().getTime(),
    adopted: false,
  });
}

async function clear(pass: Pass, desired: Wanted, container: ContainerDetail): Promise<Cleared> {
  const because = outdated(desired, container);
  if (isUp(container)) {
    if (because === undefined) return leaveRunning(pass, desired, container);
    // What cannot be replaced now runs on as it is: it is stopped only once its output can be saved.
    const why = await keep(pass, container, { state: false });
    if (why !== undefined) return over(replacementWaits(pass, container, { because, why }));
    await stopAndRecord(pass, container, because);
  } else if (container.state !== 'created') {
    const backingOff = await afterExit(pass, desired, container);
    if (backingOff !== undefined) return over(backingOff);
  }
  const why = await keep(pass, container);
  if (why === undefined) {
    await removeEnded(pass, container.id);
    return FREE;
  }
  // One that is asked to be restarted and has ended runs on as it is, too: it is restarted once its output can be saved.
  if (isSameVersion(desired, container)) return { kind: 'kept', container, why };
  throw outputWaits(why);
}

const isSameVersion = (desired: Wanted, container: ContainerDetail): boolean =>
  container.labels[LABEL.fingerprint] === desired.fingerprint;

/** Why a container is not the one that is wanted now; undefined: it is. */
function outdated(desired: Wanted, container: ContainerDetail): string | undefined {
  if (!isSameVersion(desired, container)) return 'its configuration or code changed';
  if (restartsOf(container.labels) < desired.restarts)
    return `a restart was asked for: ${desired.asked ?? ''}`;
  return undefined;
}

const FREE: Cleared = { kind: 'free', notes: [] };
const over = (result: PassResult): Cleared => ({ kind: 'over', result });

/** A container that is as it should be runs on, unless the state forbids it. */
async function leaveRunning(pass: Pass, desired: Wanted, container: ContainerDetail): Promise<Cleared> {
  const verdict = await pass.deps.keeping.verdict(pass.lock.botId);
  if (verdict.kind === 'fine')
    return over(
      running(pass, desired, {
        ...container,
        startedAtMs: container.startedAtMs ?? pass.deps.clock.now().getTime(),
        adopted: true,
        notes: verdict.notes ?? [],
      }),
    );
  await stopAndRecord(pass, container, verdict.reason);
  // What the platform wrote is to take the place of what is on the volume.
  const why = await keep(pass, container, { state: verdict.kind === 'stop' });
  if (why === undefined) await removeEnded(pass, container.id);
  if (verdict.kind === 'stop') return over(stateForbids(pass, desired, verdict.reason, why));
  if (why !== undefined) throw outputWaits(why);
  return { kind: 'free', notes: [verdict.reason] };
}

/**
 * The ended container, whose output waits in it to be saved, is started again: it is the same that a new one would be, so
 * nothing is lost and nobody waits for object storage.
 */
async function startAgain(
  pass: Pass,
  desired: Wanted,
  { container, why }: Extract<Cleared, { kind: 'kept' }>,
): Promise<PassResult> {
  const { keeping, launcher, clock } = pass.deps;
  const verdict = await keeping.verdict(pass.lock.botId);
  if (verdict.kind === 'stop') return stateForbids(pass, desired, verdict.reason, why);
  if (verdict.kind === 'restart') throw outputWaits(why);
  await launcher.startAgain(pass, desired, container.id);
  return running(pass, desired, {
    id: container.id,
    image: container.image,
    notes: [`Its output waits to be saved: ${why.message}`],
    startedAtMs: clock.now().getTime(),
    adopted: false,
  });
}

/**
 * What went wrong with an earlier version says nothing of this one: a bot that was just repaired starts at once. So does one
 * that a person wants to be tried again: its crash loop begins anew, and its restarts since its owner's last change count on.
 */
function forgetFailuresOfBefore(pass: Pass, desired: Wanted): void {
  if (pass.status.attemptedFingerprint !== desired.fingerprint)
    pass.status = { ...pass.status, consecutiveFailures: 0, restarts: 0 };
  else if (isAskedAnew(pass, desired)) pass.status = { ...pass.status, consecutiveFailures: 0 };
}

/** Whether somebody has asked for a restart since the last attempt. */
const isAskedAnew = ({ status }: Pass, desired: Wanted): boolean =>
  desired.restarts > (status.attemptedRestarts ?? 0);

function running(pass: Pass, desired: Wanted, container: Running): PassResult {
  const { status } = pass;
  const startedAt = new Date(container.startedAtMs);
  const again =
    !container.adopted &&
    status.attemptedFingerprint === desired.fingerprint &&
    status.lastExit?.requested === false;
  const restarts = status.restarts + (again ? 1 : 0);
  const runs =
    restarts === 0 ? 'It runs.' : `It runs, after ${restarts} restart${restarts === 1 ? '' : 's'}.`;
  const reason = [runs, ...(container.notes ?? []).map((note) => `${note}.`)].join(' ');
  return {
    change: {
      set: {
        phase: 'running',
        reason,
        since: startedAt,
        startedAt,
        restarts,
        consecutiveFailures: status.consecutiveFailures,
        permanent: false,
        ...attemptOf(desired),
        containerId: container.id,
        image: container.image,
      },
      unset: ['nextAttemptAt', 'failureCode'],
    },
    outcome: { kind: 'settled', phase: 'running', reason },
  };
}

/**
 * Deals with the end of a container that should be running. Returns what to leave with when the bot has to back off,
 * or undefined when it may start at once.
 */
async function afterExit(
  pass: Pass,
  desired: Wanted,
  container: ContainerDetail,
): Promise<PassResult | undefined> {
  // A processor died between recording this exit and removing the container, or its output could not be saved yet.
  if (isRecorded(pass.status, container)) return undefined;

  const exit = await readExit(pass, container, false);
  if (exit.requested || !isSameVersion(desired, container) || isAskedAnew(pass, desired)) {
    await saveExit(pass, exit);
    return undefined;
  }
  const result = backingOff(pass, desired, exit);
  // Evidence and consequence are written together, before the container with the evidence is removed.
  await pass.lock.update(result.change);
  // Where its output cannot be saved now, the container stays: after the back-off the same one is started again.
  if ((await keep(pass, container)) === undefined) await removeEnded(pass, container.id);
  return result;
}

function backingOff(pass: Pass, desired: Wanted, exit: LastExit): Extract<PassResult, { change: unknown }> {
  const { policy, clock } = pass.deps;
  const failures = failuresAfterExit(
    pass.status.consecutiveFailures,
    exit.upSeconds * 1000,
    policy.stableAfterMs,
  );
  const delayMs = backoffDelayMs(failures, policy.backoff, clock.random);
  const at = new Date(clock.now().getTime() + delayMs);
  const row = failures === 1 ? '' : `, ${failures} times in a row`;
  const reason = `${exitInWords(exit)}${row}; it is started again.`;
  return {
    change: {
      set: {
        phase: 'backing-off',
        reason,
        since: exit.at,
        lastExit: exit,
        consecutiveFailures: failures,
        restarts: pass.status.restarts,
        nextAttemptAt: at,
        ...attemptOf(desired),
      },
      unset: ['containerId', 'startedAt'],
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/**
 * A job that comes during a back-off (repeated by the queue after a processor died, or asked for by a late event) does not
 * cut it short: only a change of the bot does, or a person who asks for a restart or promotes the waiting job.
 */
function stillBackingOff(pass: Pass, desired: Wanted): PassResult | undefined {
  const { nextAttemptAt: at, phase, reason, attemptedFingerprint } = pass.status;
  if (at === undefined || at <= pass.deps.clock.now()) return undefined;
  if (attemptedFingerprint !== desired.fingerprint || isAskedAnew(pass, desired)) return undefined;
  return { change: { set: { phase, reason } }, outcome: { kind: 'deferred', at, reason } };
}

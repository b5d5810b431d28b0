import type { ContainerDetail } from '../infra/engine/port.ts';
import { backoffDelayMs, failuresAfterExit } from '../model/backoff.ts';
import { LABEL } from '../model/labels.ts';
import { containerName } from '../model/names.ts';
import type { LastExit } from '../model/status.ts';
import { isUp, removeEnded, stopAndRecord } from './containers.ts';
import type { Pass, PassResult } from './converge.ts';
import type { Desired } from './desired.ts';
import { exitInWords, exitOf } from './exits.ts';

type Wanted = Extract<Desired, { kind: 'run' }>;
type Running = {
  id: string;
  image: string;
  startedAtMs: number;
  adopted: boolean;
  notes?: readonly string[];
};

/** Makes a bot run: adopts what runs rightly, replaces what runs wrongly, deals with what ended, and starts. */
export async function run(pass: Pass, desired: Wanted): Promise<PassResult> {
  const { engine, clock } = pass.deps;
  forgetFailuresOfAnotherVersion(pass, desired);
  const container = await engine.inspect(containerName(engine.installation, pass.lock.botId));
  if (container !== undefined) {
    if (isUp(container)) {
      if (container.labels[LABEL.fingerprint] === desired.fingerprint)
        return running(pass, desired, {
          ...container,
          startedAtMs: container.startedAtMs ?? clock.now().getTime(),
          adopted: true,
        });
      await stopAndRecord(pass, container, 'its configuration or code changed');
    } else if (container.state !== 'created') {
      const backingOff = await afterExit(pass, desired, container);
      if (backingOff !== undefined) return backingOff;
    }
    await removeEnded(pass, container.id);
  }
  const notYet = pass.hurry ? undefined : stillBackingOff(pass, desired);
  if (notYet !== undefined) return notYet;
  const started = await pass.deps.launcher.start(pass, desired);
  return running(pass, desired, { ...started, startedAtMs: clock.now().getTime(), adopted: false });
}

/** What went wrong with an earlier version says nothing of this one: a bot that was just repaired starts at once. */
function forgetFailuresOfAnotherVersion(pass: Pass, desired: Wanted): void {
  if (pass.status.attemptedFingerprint === desired.fingerprint) return;
  pass.status = { ...pass.status, consecutiveFailures: 0, restarts: 0 };
}

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
        attemptedFingerprint: desired.fingerprint,
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
  const { engine, policy, clock } = pass.deps;
  // A processor died between recording this exit and removing the container.
  if (pass.status.lastExit?.containerId === container.id) return undefined;

  const requested = pass.status.phase === 'stopping' && pass.status.containerId === container.id;
  const exit = await exitOf(engine, container, {
    requested,
    lastOutputLines: policy.lastOutputLines,
    now: clock.now(),
  });
  if (requested || container.labels[LABEL.fingerprint] !== desired.fingerprint) {
    await pass.lock.update({ set: { lastExit: exit } });
    pass.status = { ...pass.status, lastExit: exit };
    return undefined;
  }
  const result = backingOff(pass, desired, exit);
  // Evidence and consequence are written together, before the container with the evidence is removed.
  await pass.lock.update(result.change);
  await removeEnded(pass, container.id);
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
        attemptedFingerprint: desired.fingerprint,
      },
      unset: ['containerId', 'startedAt'],
    },
    outcome: { kind: 'deferred', at, reason },
  };
}

/**
 * A job that comes during a back-off (repeated by the queue after a processor died, or asked for by a late event) does not
 * cut it short: only a change of the bot does, or a person who promotes the waiting job.
 */
function stillBackingOff(pass: Pass, desired: Wanted): PassResult | undefined {
  const { nextAttemptAt: at, phase, reason, attemptedFingerprint } = pass.status;
  if (at === undefined || at <= pass.deps.clock.now() || attemptedFingerprint !== desired.fingerprint)
    return undefined;
  return { change: { set: { phase, reason } }, outcome: { kind: 'deferred', at, reason } };
}

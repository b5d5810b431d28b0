import { StartProblem } from './errors.ts';
import { containerName, launchVolumeName } from '../model/names.ts';
import type { Desired } from './desired.ts';
import { keep, removeEnded, stopAndRecord } from './containers.ts';
import type { Pass, PassResult } from './converge.ts';
import { restWaits } from './kept-back.ts';

/** Makes a bot rest: it is disabled, held or deleted. Its container ends in order and is removed; nothing is started. */
export async function rest(pass: Pass, desired: Exclude<Desired, { kind: 'run' }>): Promise<PassResult> {
  const { engine, clock } = pass.deps;
  const container = await engine.inspect(containerName(engine.installation, pass.lock.botId));
  if (container !== undefined) {
    const why = desired.kind === 'gone' ? 'it was deleted' : desired.reason;
    await stopAndRecord(pass, container, why);
    const notKept = await keep(pass, container);
    if (notKept !== undefined)
      return restWaits(pass, desired.kind === 'gone' ? 'It was deleted.' : desired.reason, notKept);
    await removeEnded(pass, container.id);
  }
  // The launch volume holds the bot's config with its owner's keys: it does not outlive the wish to run.
  if (!(await engine.removeVolume(launchVolumeName(engine.installation, pass.lock.botId))))
    throw new StartProblem(
      'volume_in_use',
      'Its launch volume, which holds its configuration, is still used by a container that is not ours: remove that container.',
      { retryable: true },
    );
  if (desired.kind === 'gone')
    return { forget: true, outcome: { kind: 'settled', phase: 'gone', reason: 'The bot was deleted.' } };

  const unchanged = pass.status.phase === desired.phase;
  return {
    change: {
      set: {
        phase: desired.phase,
        reason: desired.reason,
        since: unchanged ? pass.status.since : clock.now(),
        restarts: 0,
        consecutiveFailures: 0,
        permanent: false,
      },
      unset: [
        'nextAttemptAt',
        'attemptedFingerprint',
        'attemptedRestarts',
        'failureCode',
        'containerId',
        'startedAt',
      ],
    },
    outcome: { kind: 'settled', phase: desired.phase, reason: desired.reason },
  };
}

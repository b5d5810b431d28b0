import { durationText } from '../../model/duration.ts';
import type { Run } from '../../model/runs.ts';
import type { LastExit } from '../../model/status.ts';
import { exitInWords, inWords } from '../exits.ts';

/** Reasons of runs, in plain words. */

export const cancelledInWords = ({ who, why }: NonNullable<Run['cancel']>, when: string): string =>
  `Cancelled by ${who}${why === '' ? '' : ` (${why})`}${when === '' ? '' : ` ${when}`}.`;

export const timedOutInWords = (timeoutMs: number): string =>
  `It ran for longer than its timeout of ${durationText(timeoutMs)}.`;

export const IN_REMOVAL =
  'Its container is being removed, and nobody saw how it ended. It may have done its work, so it is not run again.';

export const LOST =
  'Its container is gone and nobody saw how it ended. It may have done its work, so it is not run again.';

/** `stopping`: why we asked it to end, if we did before it had. */
export function endInWords(exit: LastExit, stopping: Run['stopping']): string {
  if (stopping !== undefined) {
    if (exit.signal === 'SIGKILL') return `${stopping.reason} It did not end when asked and was killed.`;
    if (stopping.outcome === 'timed-out' && exit.exitCode === 0)
      return `${stopping.reason} It left with exit code 0 after SIGTERM, so it is not tried again.`;
    return stopping.reason;
  }
  if (exit.exitCode === 0) return `It succeeded after ${inWords(exit.upSeconds)}.`;
  return `${exitInWords(exit)}.`;
}

export const triesInWords = (tries: number): string => `tried ${tries} time${tries === 1 ? '' : 's'}`;

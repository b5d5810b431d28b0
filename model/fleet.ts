import type { BotStatus, LastExit, Phase } from './status.ts';

/** Crashes in a row from which on a bot counts as crash-looping. */
export const CRASH_LOOP_FAILURES = 3;

type Seen = Pick<BotStatus, 'phase'> &
  Partial<Pick<BotStatus, 'consecutiveFailures'>> & { lastExit?: Pick<LastExit, 'at' | 'requested'> };
type Wanted = { botId: string; enabled: boolean };

/** Bots by phase, those that are being stopped after their document was deleted included. */
export function botsByPhase(
  desired: readonly Wanted[],
  statuses: ReadonlyMap<string, Seen>,
): Map<Phase, number> {
  const counts = new Map<Phase, number>();
  const count = (phase: Phase): void => void counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const known = new Set<string>();
  for (const { botId, enabled } of desired) {
    known.add(botId);
    count(statuses.get(botId)?.phase ?? (enabled ? 'pending' : 'stopped'));
  }
  for (const [botId, { phase }] of statuses) if (!known.has(botId) && phase !== 'stopped') count(phase);
  return counts;
}

/** Why somebody should look at a bot. */
export const TROUBLES = ['failed', 'state-unavailable', 'crash-loop'] as const;
export type Trouble = { botId: string; trouble: (typeof TROUBLES)[number] };

/** Bots that somebody should look at. `stableAfterMs`: a bot that did not crash for so long has left its crash loop. */
export function troubledBots(
  statuses: ReadonlyMap<string, Seen>,
  { now, stableAfterMs }: { now: number; stableAfterMs: number },
): Trouble[] {
  const troubled: Trouble[] = [];
  for (const [botId, { phase, consecutiveFailures = 0, lastExit }] of statuses) {
    if (phase === 'failed' || phase === 'state-unavailable') troubled.push({ botId, trouble: phase });
    else if (consecutiveFailures >= CRASH_LOOP_FAILURES) {
      // Failed starts count as well, and are over with the first one that works: a crash may come again.
      const hasCrashed = lastExit?.requested === false && now - lastExit.at.getTime() < stableAfterMs;
      if (phase === 'backing-off' || ((phase === 'starting' || phase === 'running') && hasCrashed))
        troubled.push({ botId, trouble: 'crash-loop' });
    }
  }
  return troubled;
}

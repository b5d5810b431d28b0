import { isEnabled, type BotDocument } from '../../../model/bots.ts';
import { fingerprint } from '../../../model/fingerprint.ts';
import { planTransitions, type Transition } from '../../../model/planner.ts';
import type { StoreFacts } from './facts.ts';

/**
 * What the next look would have done, by what is on record. The engine cannot be asked from here: that what is recorded as
 * running does run is taken from the status, and the engine's own events and looks keep that true.
 */
export function planOf(
  id: string,
  { bot, status, hold, restart }: Pick<StoreFacts, 'bot' | 'status' | 'hold' | 'restart'>,
  now: Date,
): Transition | undefined {
  const observed =
    status?.phase === 'running' && status.containerId !== undefined
      ? [
          {
            botId: id,
            containerId: status.containerId,
            state: 'running' as const,
            fingerprint: status.attemptedFingerprint ?? '',
            restarts: status.attemptedRestarts ?? 0,
          },
        ]
      : [];
  return planTransitions({
    desired: bot === undefined ? [] : [{ ...wanted(id, bot), ...wishes({ hold, restart }) }],
    observed,
    history: new Map(status === undefined ? [] : [[id, status]]),
    now: now.getTime(),
  })[0];
}

const wanted = (
  botId: string,
  bot: BotDocument,
): { botId: string; enabled: boolean; fingerprint: string } => ({
  botId,
  enabled: isEnabled(bot),
  fingerprint: fingerprint(bot),
});

const wishes = ({ hold, restart }: Pick<StoreFacts, 'hold' | 'restart'>): object => ({
  ...(hold === undefined ? {} : { hold: `${hold.who}: ${hold.why}` }),
  ...(restart === undefined
    ? {}
    : { restart: { count: restart.count, words: `${restart.who}: ${restart.why}` } }),
});

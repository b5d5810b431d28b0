import type { Collection } from 'mongodb';
import type { HoldDocument } from '../infra/mongo/collections.ts';
import { isEnabled, type BotDocument } from '../model/bots.ts';
import { fingerprint } from '../model/fingerprint.ts';

/** What MongoDB says of one bot at this moment. */
export type Desired =
  | { kind: 'run'; bot: BotDocument; fingerprint: string }
  | { kind: 'rest'; phase: 'stopped' | 'held'; reason: string }
  | { kind: 'gone' };

/** Reads the owner's and the operator's wishes. */
export async function readDesired(
  sources: { bots: Collection<BotDocument>; holds: Collection<HoldDocument> },
  botId: string,
): Promise<Desired> {
  const [bot, hold] = await Promise.all([
    sources.bots.findOne(
      { id: botId },
      {
        projection: {
          _id: 0,
          'custom.config.readme': 0,
          'custom.config.schema': 0,
          'custom.config.metadata': 0,
        },
      },
    ),
    sources.holds.findOne({ _id: botId }),
  ]);
  if (bot === null) return { kind: 'gone' };
  if (!isEnabled(bot)) return { kind: 'rest', phase: 'stopped', reason: 'Its owner disabled it.' };
  if (hold !== null) return { kind: 'rest', phase: 'held', reason: `Held by ${hold.who}: ${hold.why}` };
  return { kind: 'run', bot, fingerprint: fingerprint(bot) };
}

/** Whether two readings ask for the same thing. */
export function sameDesire(a: Desired, b: Desired): boolean {
  if (a.kind === 'run' && b.kind === 'run') return a.fingerprint === b.fingerprint;
  if (a.kind === 'rest' && b.kind === 'rest') return a.phase === b.phase;
  return a.kind === b.kind;
}

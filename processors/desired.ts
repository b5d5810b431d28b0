import type { Collection } from 'mongodb';
import type { HoldDocument } from '../infra/mongo/collections.ts';
import { Grouped } from '../infra/mongo/grouped.ts';
import { isEnabled, type BotDocument } from '../model/bots.ts';
import { fingerprint } from '../model/fingerprint.ts';

/** What MongoDB says of one bot at this moment. */
export type Desired =
  | { kind: 'run'; bot: BotDocument; fingerprint: string }
  | { kind: 'rest'; phase: 'stopped' | 'held'; reason: string }
  | { kind: 'gone' };

/** Readmes and schemas may be many kilobytes, and decide nothing. */
const WITHOUT = {
  _id: 0,
  'custom.config.readme': 0,
  'custom.config.schema': 0,
  'custom.config.metadata': 0,
} as const;

type Wishes = { bot: BotDocument | undefined; hold: HoldDocument | undefined };

/** Reads the owner's and the operator's wishes, under load those of many bots together. */
export class DesiredReader {
  readonly #wishes: Grouped<string, Wishes>;

  constructor(sources: { bots: Collection<BotDocument>; holds: Collection<HoldDocument> }) {
    this.#wishes = new Grouped((botIds) => readAll(sources, botIds));
  }

  /** What holds at some moment after the call. */
  async read(botId: string): Promise<Desired> {
    const { bot, hold } = await this.#wishes.ask(botId);
    if (bot === undefined) return { kind: 'gone' };
    if (!isEnabled(bot)) return { kind: 'rest', phase: 'stopped', reason: 'Its owner disabled it.' };
    if (hold !== undefined)
      return { kind: 'rest', phase: 'held', reason: `Held by ${hold.who}: ${hold.why}` };
    return { kind: 'run', bot, fingerprint: fingerprint(bot) };
  }
}

async function readAll(
  { bots, holds }: { bots: Collection<BotDocument>; holds: Collection<HoldDocument> },
  botIds: readonly string[],
): Promise<Wishes[]> {
  const $in = [...new Set(botIds)];
  const [documents, held] = await Promise.all([
    bots.find({ id: { $in } }, { projection: WITHOUT, batchSize: $in.length + 1 }).toArray(),
    holds.find({ _id: { $in } }).toArray(),
  ]);
  const botById = new Map(documents.map((bot) => [bot.id, bot]));
  const holdById = new Map(held.map((hold) => [hold._id, hold]));
  return botIds.map((botId) => ({ bot: botById.get(botId), hold: holdById.get(botId) }));
}

/** Whether two readings ask for the same thing. */
export function sameDesire(a: Desired, b: Desired): boolean {
  if (a.kind === 'run' && b.kind === 'run') return a.fingerprint === b.fingerprint;
  if (a.kind === 'rest' && b.kind === 'rest') return a.phase === b.phase;
  return a.kind === b.kind;
}

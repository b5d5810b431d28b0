import type { Collection } from 'mongodb';
import type { HoldDocument, RestartDocument } from '../infra/mongo/collections.ts';
import { Grouped } from '../infra/mongo/grouped.ts';
import { isEnabled, type BotDocument } from '../model/bots.ts';
import { fingerprint } from '../model/fingerprint.ts';
import type { BotStatus } from '../model/status.ts';

/** What MongoDB says of one bot at this moment. */
export type Desired =
  /** `restarts`: number of the operators' newest wish for a restart, 0 if there was none; `asked`: its who and why, in words. */
  | { kind: 'run'; bot: BotDocument; fingerprint: string; restarts: number; asked?: string }
  | { kind: 'rest'; phase: 'stopped' | 'held'; reason: string }
  | { kind: 'gone' };

/** Readmes and schemas may be many kilobytes, and decide nothing. */
const WITHOUT = {
  _id: 0,
  'custom.config.readme': 0,
  'custom.config.schema': 0,
  'custom.config.metadata': 0,
} as const;

type Wishes = {
  bot: BotDocument | undefined;
  hold: HoldDocument | undefined;
  restart: RestartDocument | undefined;
};
type Sources = {
  bots: Collection<BotDocument>;
  holds: Collection<HoldDocument>;
  restarts: Collection<RestartDocument>;
};

/** Reads the owner's and the operator's wishes, under load those of many bots together. */
export class DesiredReader {
  readonly #wishes: Grouped<string, Wishes>;

  constructor(sources: Sources) {
    this.#wishes = new Grouped((botIds) => readAll(sources, botIds));
  }

  /** What holds at some moment after the call. */
  async read(botId: string): Promise<Desired> {
    const { bot, hold, restart } = await this.#wishes.ask(botId);
    if (bot === undefined) return { kind: 'gone' };
    if (!isEnabled(bot)) return { kind: 'rest', phase: 'stopped', reason: 'Its owner disabled it.' };
    if (hold !== undefined)
      return { kind: 'rest', phase: 'held', reason: `Held by ${hold.who}: ${hold.why}` };
    return {
      kind: 'run',
      bot,
      fingerprint: fingerprint(bot),
      ...(restart === undefined
        ? { restarts: 0 }
        : { restarts: restart.count, asked: `${restart.who}: ${restart.why}` }),
    };
  }
}

async function readAll({ bots, holds, restarts }: Sources, botIds: readonly string[]): Promise<Wishes[]> {
  const $in = [...new Set(botIds)];
  const [documents, held, asked] = await Promise.all([
    bots.find({ id: { $in } }, { projection: WITHOUT, batchSize: $in.length + 1 }).toArray(),
    holds.find({ _id: { $in } }).toArray(),
    restarts.find({ _id: { $in } }).toArray(),
  ]);
  const botById = new Map(documents.map((bot) => [bot.id, bot]));
  const holdById = new Map(held.map((hold) => [hold._id, hold]));
  const restartById = new Map(asked.map((restart) => [restart._id, restart]));
  return botIds.map((botId) => ({
    bot: botById.get(botId),
    hold: holdById.get(botId),
    restart: restartById.get(botId),
  }));
}

/** What the status says of an attempt: under which wishes it was made. */
export const attemptOf = ({
  fingerprint: attemptedFingerprint,
  restarts: attemptedRestarts,
}: Extract<Desired, { kind: 'run' }>): Pick<BotStatus, 'attemptedFingerprint' | 'attemptedRestarts'> => ({
  attemptedFingerprint,
  attemptedRestarts,
});

/** Whether two readings ask for the same thing. */
export function sameDesire(a: Desired, b: Desired): boolean {
  if (a.kind === 'run' && b.kind === 'run')
    return a.fingerprint === b.fingerprint && a.restarts === b.restarts;
  if (a.kind === 'rest' && b.kind === 'rest') return a.phase === b.phase;
  return a.kind === b.kind;
}

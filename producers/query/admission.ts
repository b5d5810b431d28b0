import { QueryFailure } from './failure.ts';

/** How many queries are in hand, of each bot and in all. */
export class Admission {
  readonly #limits: { perBot: number; inAll: number };
  readonly #byBot = new Map<string, number>();
  #all = 0;

  constructor(limits: { perBot: number; inAll: number }) {
    this.#limits = limits;
  }

  get inHand(): number {
    return this.#all;
  }

  /** To be disposed of when the query is over. Throws `QueryFailure` (429) where there are too many. */
  enter(botId: string): Disposable {
    const ofBot = this.#byBot.get(botId) ?? 0;
    if (ofBot >= this.#limits.perBot)
      throw new QueryFailure(
        429,
        `too many queries of this bot at once: at most ${this.#limits.perBot} (QUERIES_PER_BOT)`,
      );
    if (this.#all >= this.#limits.inAll)
      throw new QueryFailure(
        429,
        `too many queries at once: at most ${this.#limits.inAll} (QUERIES_AT_ONCE)`,
      );
    this.#byBot.set(botId, ofBot + 1);
    this.#all += 1;
    return {
      [Symbol.dispose]: () => {
        this.#all -= 1;
        const left = (this.#byBot.get(botId) ?? 1) - 1;
        if (left === 0) this.#byBot.delete(botId);
        else this.#byBot.set(botId, left);
      },
    };
  }
}

/** Bots of which this is remembered: more are asked by one query server hardly ever, and forgetting costs nothing but time. */
const BOTS_REMEMBERED = 10_000;

/**
 * Questions that nobody waits for any more, of each bot's present container. Its program does not hear of it: a handler that
 * runs in a thread of its own goes on, and they pile up, each with the memory and the CPU of one. `limit`: so many are too
 * many.
 */
export class Abandoned {
  readonly #limit: number;
  readonly #byBot = new Map<string, { containerId: string; questions: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** One more. Whether it was one too many, which is told once of each container. */
  add(botId: string, containerId: string): boolean {
    const known = this.#byBot.get(botId);
    const questions = (known?.containerId === containerId ? known.questions : 0) + 1;
    this.#byBot.delete(botId);
    this.#byBot.set(botId, { containerId, questions });
    const [oldest] = this.#byBot.keys();
    if (this.#byBot.size > BOTS_REMEMBERED && oldest !== undefined) this.#byBot.delete(oldest);
    return questions === this.#limit;
  }
}

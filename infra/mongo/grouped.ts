type Waiting<Request, Answer> = {
  request: Request;
  resolve: (answer: Answer) => void;
  reject: (reason: unknown) => void;
};

/** While so many groups are under way, further requests gather; two, so that a slow answer does not hold up everybody. */
const GROUPS_AT_ONCE = 2;
const MOST_IN_A_GROUP = 500;

/**
 * Serves many small requests of one kind together. A request that comes alone goes at once; under load, those that come
 * while others are under way go as one. A command to MongoDB costs far more than what one document adds to it, on both
 * sides, so this is what decides how many bots a processor gets through.
 */
export class Grouped<Request, Answer> {
  /** Answers in the order of the requests; a rejection is that of every request of the group. */
  readonly #serve: (requests: readonly Request[]) => Promise<readonly Answer[]>;
  #waiting: Waiting<Request, Answer>[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(serve: (requests: readonly Request[]) => Promise<readonly Answer[]>) {
    this.#serve = serve;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay >= GROUPS_AT_ONCE || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // What is asked in the same turn of the event loop goes along.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#serveNext();
    });
  }

  async #serveNext(): Promise<void> {
    const group = this.#waiting.splice(0, MOST_IN_A_GROUP);
    if (group.length === 0) return;
    this.#underWay += 1;
    this.#schedule();
    try {
      const answers = await this.#serve(group.map(({ request }) => request));
      if (answers.length !== group.length)
        throw new Error(`${answers.length} answers to ${group.length} requests`);
      group.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#underWay -= 1;
      this.#schedule();
    }
  }
}

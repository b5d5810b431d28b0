import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import { Abandoned } from './abandoned.ts';
import { AnswerTooLarge, type Programs } from './program.ts';

export type GivenUpOptions = {
  programs: Programs;
  /** So many questions to one container may be given up. */
  most: number;
  /** Has a container replaced. */
  replace: (botId: string, containerId: string, cause: string) => Promise<void>;
  log: Logger;
};

type Container = { address: string; containerId: string };

/** A program that is only slow answers its health within this; one that hangs does not. */
const HEALTH_WITHIN_MS = 2_000;
const HEALTH_MAX_BYTES = 64 * 1024;

/**
 * Looks after containers of which a question was given up, behind the answers. A program that hangs would answer none any
 * more, and one that works on for too many that are gone has no room for others: either is replaced.
 */
export class GivenUp {
  readonly #options: GivenUpOptions;
  readonly #abandoned: Abandoned;
  readonly #looks = new Set<Promise<void>>();

  constructor(options: GivenUpOptions) {
    this.#options = options;
    this.#abandoned = new Abandoned(options.most);
  }

  /** Nobody waits for the answer any more. `isLate`: it was not there in time; else whoever asked has left. */
  add(botId: string, container: Container, { isLate }: { isLate: boolean }): void {
    const isTooMany = this.#abandoned.add(botId, container.containerId);
    if (!isTooMany && !isLate) return;
    const looking = this.#look(botId, container, isTooMany)
      .catch((error: unknown) => {
        const { log } = this.#options;
        log.warn({ botId, error: messageOf(error) }, 'A query container could not be replaced');
      })
      .finally(() => this.#looks.delete(looking));
    this.#looks.add(looking);
  }

  /** Waits for the looks that still go on. */
  async close(): Promise<void> {
    await Promise.all(this.#looks);
  }

  async #look(botId: string, container: Container, isTooMany: boolean): Promise<void> {
    const { replace } = this.#options;
    if (isTooMany) await replace(botId, container.containerId, 'too many of its queries were given up');
    else if (!(await this.#isHealthy(container)))
      await replace(botId, container.containerId, 'its query container hangs');
  }

  async #isHealthy({ address }: Container): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(HEALTH_WITHIN_MS);
      const maxBytes = HEALTH_MAX_BYTES;
      await this.#options.programs.ask({ address, target: '/health', body: '{}', maxBytes, signal });
      return true;
    } catch (error) {
      return error instanceof AnswerTooLarge;
    }
  }
}

import type { Engine } from '../infra/engine/port.ts';
import { LABEL } from '../model/labels.ts';
import { StartProblem } from './errors.ts';

/** How long a listing is believed: at a thousand containers one costs a tenth of a second. */
const BELIEVED_MS = 10_000;

/**
 * Containers of the reference runtime on the same engine. While one of them runs a bot, we do not: two runtimes side by
 * side during a migration must not trade twice.
 */
export class ForeignContainers {
  readonly #engine: Engine;
  readonly #now: () => number;
  #listing: { byBot: Promise<Map<string, string>>; atMs: number } | undefined;

  constructor(options: { engine: Engine; now?: () => number }) {
    this.#engine = options.engine;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Throws if another runtime's container runs this bot. */
  async assertNone(botId: string): Promise<void> {
    const id = (await this.#byBot()).get(botId);
    if (id === undefined) return;
    // Looked at again next time, so that the bot starts soon after the other container is gone.
    this.#listing = undefined;
    throw new StartProblem(
      'foreign_container',
      `Container ${id.slice(0, 12)} of the earlier runtime still runs this bot. Stop that runtime, then remove the container: docker rm -f ${id.slice(0, 12)}`,
      { retryable: true },
    );
  }

  #byBot(): Promise<Map<string, string>> {
    if (this.#listing === undefined || this.#now() - this.#listing.atMs > BELIEVED_MS) {
      const byBot = this.#list();
      this.#listing = { byBot, atMs: this.#now() };
      byBot.catch(() => {
        this.#listing = undefined;
      });
    }
    return this.#listing.byBot;
  }

  async #list(): Promise<Map<string, string>> {
    const all = await this.#engine.list({ scope: 'any-managed' });
    return new Map(
      all
        .filter(
          (container) => container.labels[LABEL.installation] === undefined && container.state === 'running',
        )
        // A schedule's run, too. Ids of bots and schedules never meet.
        .filter((container) => ['realtime', 'scheduled'].includes(container.labels[LABEL.type] ?? ''))
        .map((container) => [container.labels[LABEL.id] ?? '', container.id]),
    );
  }
}

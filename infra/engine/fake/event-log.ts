import type { EngineEvent } from '../port.ts';

export type RecordedEvent = EngineEvent & { installation: string };

/** As Docker keeps them: only the last few can be asked for again. */
export class EventLog {
  readonly #replayable: number;
  readonly #recorded: RecordedEvent[] = [];
  readonly #listeners = new Set<(event: RecordedEvent) => void>();

  constructor(replayable: number) {
    this.#replayable = replayable;
  }

  add(event: RecordedEvent): void {
    this.#recorded.push(event);
    // Trimmed in lots: shifting at every event would cost the length of the list each time.
    if (this.#recorded.length > 2 * this.#replayable)
      this.#recorded.splice(0, this.#recorded.length - this.#replayable);
    for (const listener of this.#listeners) listener(event);
  }

  /** Hands over what is recorded since `sinceMs` (unset: nothing), then all that comes, until the answer is called. */
  listen(sinceMs: number | undefined, listener: (event: RecordedEvent) => void): () => void {
    if (sinceMs !== undefined)
      for (const event of this.#recorded.slice(-this.#replayable)) if (event.atMs >= sinceMs) listener(event);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

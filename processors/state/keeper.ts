import { Semaphore } from '../semaphore.ts';
import type { StateDeps } from './deps.ts';
import { examineArchive, StateRecords, type Examined } from './records.ts';
import { isSettled, restoreState, type CreatedContainer } from './restore.ts';
import { saveState, type SaveResult } from './save.ts';

export type { StateDeps } from './deps.ts';
export type { SaveResult } from './save.ts';
export { stateLimits } from './limits.ts';

/** What is being filled lies in this host’s temporary folder, and works the engine: bounded, since starts do not wait for it. */
const FILLS_AT_ONCE = 8;

/** Keeps the state of bots and schedules: from volume to archive and back. */
export class StateKeeper {
  readonly #deps: StateDeps;
  readonly #records: StateRecords;
  readonly #fills = new Semaphore(FILLS_AT_ONCE);

  constructor(deps: StateDeps) {
    this.#deps = deps;
    this.#records = new StateRecords(deps.botState, deps.now);
  }

  /** See `saveState`. Safe to call at any time, by several processes at once. */
  save(id: string, signal: AbortSignal): Promise<SaveResult> {
    const save = (): Promise<SaveResult> => saveState(this.#deps, this.#records, id, signal);
    return this.#deps.metrics?.save(save) ?? save();
  }

  /** See `restoreState`. Ownership of the volume included, so nobody else has to see to that. */
  restore(
    id: string,
    container: CreatedContainer,
    options: { nonce: string; signal: AbortSignal },
  ): Promise<void> {
    const restore = (): Promise<void> =>
      restoreState(this.#deps, this.#records, id, container, { ...options, fills: this.#fills });
    return this.#deps.metrics?.restore(restore) ?? restore();
  }

  /** Whether `restore` would change nothing. */
  isSettled(id: string, container: CreatedContainer, signal: AbortSignal): Promise<boolean> {
    return isSettled(this.#deps, this.#records, id, container, signal);
  }

  /**
   * To be asked where a listing shows another etag than the one on record: whether the platform wrote it (then
   * `platformEtag` is on record) or we did, and only the record was lost.
   */
  examine(id: string, signal: AbortSignal): Promise<Examined> {
    return examineArchive(this.#deps, this.#records, id, signal);
  }
}

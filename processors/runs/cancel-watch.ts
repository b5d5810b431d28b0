import type { Collection } from 'mongodb';
import type { Run } from '../../model/runs.ts';

/** Thrown into a step whose run somebody has cancelled. */
export class RunCancelled extends Error {
  override readonly name = 'RunCancelled';
  constructor() {
    super('the run was cancelled');
  }
}

/** Thrown into a step whose run another handler has taken. */
export class RunTaken extends Error {
  override readonly name = 'RunTaken';
  constructor() {
    super('another processor took the run over');
  }
}

/** `signal` aborts with `RunCancelled` or `RunTaken`. */
export type Look = Disposable & { readonly signal: AbortSignal };

type Watched = { runId: string; processor: string; abort: AbortController };

/**
 * Looks every now and then, with one question for all runs of a process, whether somebody has cancelled one of them or
 * taken it over.
 */
export class CancelWatch implements Disposable {
  readonly #runs: Collection<Run>;
  readonly #everyMs: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(options: { runs: Collection<Run>; everyMs?: number }) {
    this.#runs = options.runs;
    this.#everyMs = options.everyMs ?? 500;
  }

  /** `processor`: the name under which the caller has the run. */
  watch(runId: string, processor: string): Look {
    const watched: Watched = { runId, processor, abort: new AbortController() };
    this.#watched.add(watched);
    this.#arm();
    return {
      signal: watched.abort.signal,
      [Symbol.dispose]: () => {
        this.#watched.delete(watched);
        if (this.#watched.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#looking) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#looking = true;
      void this.#look().finally(() => {
        this.#looking = false;
        if (this.#watched.size > 0) this.#arm();
      });
    }, this.#everyMs).unref();
  }

  async #look(): Promise<void> {
    // Those alone of whom the answer can speak: whoever joins meanwhile is looked at next time.
    const asked = [...this.#watched];
    try {
      const found = await this.#runs
        .find({ _id: { $in: [...new Set(asked.map(({ runId }) => runId))] } })
        .project<Pick<Run, '_id' | 'cancel' | 'processor'>>({ cancel: 1, processor: 1 })
        .toArray();
      const byId = new Map(found.map((run) => [run._id, run]));
      for (const { runId, processor, abort } of asked) {
        const run = byId.get(runId);
        if (run === undefined) continue;
        if (run.processor !== processor) abort.abort(new RunTaken());
        else if (run.cancel !== undefined) abort.abort(new RunCancelled());
      }
    } catch {
      // MongoDB is away: its own outage log says so, and what is asked for is seen once it is back.
    }
  }
}

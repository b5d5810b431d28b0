/** Held by whoever was let in. */
export type Place = {
  /**
   * Work that is mostly done in a moment, but may wait for somebody else for long: from `afterMs` on the place is another's
   * meanwhile. At the end it is taken again, before all who wait. Throws what `work` throws, or the reason of `signal`, which
   * ends the wait for the place: not that of `run`, which ends only what was not let in yet.
   */
  lend<T>(work: () => Promise<T>, signal?: AbortSignal, afterMs?: number): Promise<T>;
};

const LEND_AFTER_MS = 1_000;

/** Room that processes share: whoever has a place in this one needs one there, too. Gives what leaves it again. */
type SharedRoom = { enter(end: 'front' | 'back', signal?: AbortSignal): Promise<() => void> };

/** At most `limit` at once, first come first served. `shared`: that is also the line for a room beyond this process. */
export class Semaphore {
  #free: number;
  readonly #shared: SharedRoom | undefined;
  readonly #waiting: (() => void)[] = [];
  constructor(limit: number, shared?: SharedRoom) {
    this.#free = limit;
    this.#shared = shared;
  }

  /** Runs `work` when there is room. A `signal` that aborts while waiting leaves the line. */
  async run<T>(work: (place: Place) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let leaveRooms: (() => void) | undefined = await this.#enter('back', signal);
    const leave = (): void => {
      leaveRooms?.();
      leaveRooms = undefined;
    };
    const lend: Place['lend'] = async (lent, until, afterMs = LEND_AFTER_MS) => {
      const timer = setTimeout(leave, afterMs);
      try {
        return await lent();
      } finally {
        clearTimeout(timer);
        leaveRooms ??= await this.#enter('front', until);
      }
    };
    try {
      return await work({ lend });
    } finally {
      leave();
    }
  }

  async #enter(end: 'front' | 'back', signal?: AbortSignal): Promise<() => void> {
    await this.#enterOwn(end, signal);
    if (this.#shared === undefined) return () => this.#leaveOwn();
    try {
      const leaveShared = await this.#shared.enter(end, signal);
      return () => {
        leaveShared();
        this.#leaveOwn();
      };
    } catch (error) {
      this.#leaveOwn();
      throw error;
    }
  }

  #leaveOwn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  #enterOwn(end: 'front' | 'back', signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal?.reason as Error);
      };
      if (end === 'front') this.#waiting.unshift(enter);
      else this.#waiting.push(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}

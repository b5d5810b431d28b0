type Flight<T> = { result: Promise<T>; controller: AbortController; callers: number };

/**
 * Lets callers who want the same thing at the same time share one piece of work. A caller that gives up leaves alone:
 * the work is cancelled only when nobody waits for it any more.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  get size(): number {
    return this.#flights.size;
  }

  async run(
    key: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#begin(key, work);
    flight.callers += 1;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([flight.result, left]);
    } finally {
      if (leave !== undefined) signal?.removeEventListener('abort', leave);
      flight.callers -= 1;
      if (flight.callers === 0) this.#end(key, flight, signal?.reason);
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const flight: Flight<T> = { result: work(controller.signal), controller, callers: 0 };
    // When the last caller has left, nobody hears how the work ended.
    flight.result.catch(() => undefined);
    this.#flights.set(key, flight);
    return flight;
  }

  /** Also when it is done: whoever comes next asks anew. Aborting finished work has no effect. */
  #end(key: string, flight: Flight<T>, reason: unknown): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    flight.controller.abort(reason);
  }
}

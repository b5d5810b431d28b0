import { setTimeout as sleep } from 'node:timers/promises';
import { EngineFailed, EngineRefused, EngineUnavailable } from '../errors.ts';
import type { Engine } from '../port.ts';

/** The calls of the port that do something on the engine. */
export type FakeCall = Exclude<keyof Engine, 'installation' | typeof Symbol.asyncDispose>;

export type Fault = {
  call: FakeCall;
  times?: number;
  error: 'unavailable' | 'refused' | 'failed';
  /** `after`: the call takes effect and only its answer is lost. Default `before`. */
  when?: 'before' | 'after';
};

/** What goes wrong, as tests ask for it. */
export class Faults {
  #unavailable = false;
  #pending: Required<Fault>[] = [];
  readonly #latencyMs = new Map<FakeCall | '*', number>();
  readonly #onOutage = new Set<() => void>();

  add(fault: Fault): void {
    this.#pending.push({ times: 1, when: 'before', ...fault });
  }

  setLatency(call: FakeCall | '*', ms: number): void {
    this.#latencyMs.set(call, ms);
  }

  setUnavailable(unavailable: boolean): void {
    this.#unavailable = unavailable;
    if (unavailable) for (const listener of this.#onOutage) listener();
  }

  onOutage(listener: () => void): () => void {
    this.#onOutage.add(listener);
    return () => void this.#onOutage.delete(listener);
  }

  clear(): void {
    this.#unavailable = false;
    this.#pending = [];
    this.#latencyMs.clear();
  }

  requireAvailable(): void {
    if (this.#unavailable) throw new EngineUnavailable('The fake engine has been made unavailable');
  }

  /** Runs one call with the latency and the faults that wait for it. */
  async around<T>(call: FakeCall, signal: AbortSignal | undefined, work: () => T | Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const latencyMs = this.#latencyMs.get(call) ?? this.#latencyMs.get('*') ?? 0;
    if (latencyMs > 0) await sleep(latencyMs, undefined, signal === undefined ? {} : { signal });
    this.requireAvailable();
    this.#fire(call, 'before');
    const result = await work();
    this.#fire(call, 'after');
    return result;
  }

  #fire(call: FakeCall, when: 'before' | 'after'): void {
    const fault = this.#pending.find((candidate) => candidate.call === call && candidate.when === when);
    if (fault === undefined) return;
    fault.times -= 1;
    if (fault.times <= 0) this.#pending = this.#pending.filter((candidate) => candidate !== fault);
    throw errorOf(fault);
  }
}

function errorOf(fault: Required<Fault>): Error {
  const message = `Fault asked for by a test: ${fault.call} ${fault.error} (${fault.when})`;
  switch (fault.error) {
    case 'unavailable':
      return new EngineUnavailable(message);
    case 'refused':
      return new EngineRefused(message);
    case 'failed':
      return new EngineFailed(message);
  }
}

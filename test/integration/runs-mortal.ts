import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { Run, RunState } from '../../model/runs.ts';
import type { HandlerResult } from '../../processors/job-worker.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import type { RunDeps } from '../../processors/runs/pass.ts';

/**
 * Right before or right after the first such call: of the engine by its name, of the records by the state that is written.
 */
export type Point = { when: 'before' | 'after'; call: keyof Engine | `record ${RunState}` };

/**
 * A handler that stops at a point, for good (as if its process had died) or until it is let go on (as if its process had
 * been stopped, `SIGSTOP`). From the point on nothing that it calls does anything.
 */
export class Mortal {
  readonly #point: Point;
  readonly #gate = Promise.withResolvers<void>();
  readonly #reached = Promise.withResolvers<void>();
  #stopped = false;
  #wasHere = false;

  constructor(point: Point) {
    this.#point = point;
  }

  /** Resolves when the point was reached. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  goOn(): void {
    this.#stopped = false;
    this.#gate.resolve();
  }

  engine<E extends Engine>(engine: E): E {
    return new Proxy(engine, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function' || typeof name !== 'string') return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        // Streams are left as they are: nobody dies while reading.
        if (name === 'logs' || name === 'events') return call;
        return (...args: unknown[]) => this.#around(name as keyof Engine, () => call(...args));
      },
    });
  }

  runs(runs: Collection<Run>): Collection<Run> {
    return new Proxy(runs, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        if (name === 'bulkWrite')
          return (...args: unknown[]) => this.#around(stateOf(args), () => call(...args));
        if (name === 'find') return (...args: unknown[]) => this.#cursor(call(...args));
        return call;
      },
    });
  }

  async #around(call: Point['call'], work: () => unknown): Promise<unknown> {
    if (this.#stopped) await this.#gate.promise;
    const here = this.#point.call === call && !this.#wasHere;
    this.#wasHere ||= here;
    if (here && this.#point.when === 'before') await this.#stop();
    const result = await work();
    if (here && this.#point.when === 'after') await this.#stop();
    return result;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    this.#reached.resolve();
    await this.#gate.promise;
  }

  #cursor(cursor: unknown): unknown {
    return new Proxy(cursor as object, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        if (name === 'project') return (...args: unknown[]) => this.#cursor(call(...args));
        if (name !== 'toArray') return call;
        return async () => {
          if (this.#stopped) await this.#gate.promise;
          return call();
        };
      },
    });
  }
}

function stateOf([updates]: unknown[]): Point['call'] {
  const [first] = updates as { updateOne: { update: { $set: { state?: RunState } } } }[];
  return `record ${first?.updateOne.update.$set.state ?? 'queued'}`;
}

/** As the queue does: comes back as often as it is told to, a little sooner. */
export async function drive(
  deps: RunDeps,
  runId: string,
  leave: AbortSignal = new AbortController().signal,
): Promise<HandlerResult> {
  for (;;) {
    const result = await executeRun(deps, { runId, cause: 'test' }, leave);
    if (result.kind !== 'again' || leave.aborted) return result;
    await sleep(Math.min(result.afterMs, 300));
  }
}

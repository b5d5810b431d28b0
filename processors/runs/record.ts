import type { Collection, Filter, UpdateFilter } from 'mongodb';
import { Grouped } from '../../infra/mongo/grouped.ts';
import { readEach } from '../../infra/mongo/read-each.ts';
import { updateEach, type UpdateFailure } from '../../infra/mongo/update-each.ts';
import type { Run, RunAttempt } from '../../model/runs.ts';

type RunFields = Omit<Run, '_id' | 'attempts' | 'processor' | 'steps' | 'updatedAt'>;

/** A step of a run. `where`: what must be so besides, as a filter. */
export type RunChange = {
  set: Partial<RunFields>;
  unset?: readonly (keyof RunFields)[];
  push?: RunAttempt;
  where?: Filter<Run>;
};

type Write = { filter: Filter<Run>; update: UpdateFilter<Run>; after: Run };

/** MongoDB will not have the document as it is, however often it is tried. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Codes by which it says that it was interrupted, changes its primary, was in conflict or too slow: these pass. */
const PASSING = new Set([
  6, 7, 24, 50, 63, 64, 89, 91, 112, 133, 134, 150, 189, 234, 262, 9001, 10058, 10107, 11600, 11601, 11602,
  13388, 13435, 13436,
]);

function notWritten({ code, why, cause }: UpdateFailure): Error {
  const Kind = PASSING.has(code) ? Error : Refusal;
  return new Kind(`The run was not written: ${why}`, { cause });
}

const MAX_PROBLEM = 300;

function withoutResult({ result: _, ...set }: RunChange['set'], { message }: Refusal): RunChange['set'] {
  return { ...set, resultProblem: `the result cannot be stored: ${message.slice(0, MAX_PROBLEM)}` };
}

/**
 * The records of runs, as handlers write them. Every write is a step from what the handler read: it is made only if nobody
 * has made another one since, and it leaves the handler's name. So of several handlers that are at one run, each but the
 * last finds out at its next step. Under load the steps of many runs go as one command; all are acknowledged by the
 * majority.
 */
export class RunRecords {
  readonly #runs: Collection<Run>;
  readonly #now: () => number;
  readonly #readings: Grouped<string, Run | undefined>;
  readonly #writings: Grouped<Write, boolean | Error>;

  constructor(options: { runs: Collection<Run>; now: () => number }) {
    this.#runs = options.runs;
    this.#now = options.now;
    this.#readings = new Grouped((ids) => readEach(this.#runs, ids));
    this.#writings = new Grouped((writes) => this.#writeAll(writes));
  }

  read(runId: string): Promise<Run | undefined> {
    return this.#readings.ask(runId);
  }

  /** Which of these runs have a container, or are about to. */
  async atWork(ids: readonly string[]): Promise<string[]> {
    const found = await this.#runs
      .find({ _id: { $in: [...ids] }, state: { $in: ['preparing', 'running'] } })
      .project<Pick<Run, '_id'>>({ _id: 1 })
      .toArray();
    return found.map(({ _id }) => _id);
  }

  /**
   * The run as it is after the step, or undefined where it was not what `run` says any more. A result that MongoDB refuses is
   * left out, with the reason: the run has ended all the same.
   */
  async change(run: Run, processor: string, change: RunChange): Promise<Run | undefined> {
    const { set, unset = [], push, where } = change;
    const stamp = { processor, steps: (run.steps ?? 0) + 1, updatedAt: new Date(this.#now()) };
    const after: Run = {
      ...run,
      ...set,
      ...stamp,
      ...(push === undefined ? {} : { attempts: [...run.attempts, push] }),
    };
    for (const field of unset) delete after[field];
    const done = await this.#writings.ask({
      filter: { ...where, _id: run._id, state: run.state, steps: run.steps ?? { $exists: false } },
      update: {
        $set: { ...set, ...stamp },
        ...(unset.length === 0 ? {} : { $unset: Object.fromEntries(unset.map((field) => [field, ''])) }),
        ...(push === undefined ? {} : { $push: { attempts: push } }),
      },
      after,
    });
    if (done instanceof Refusal && 'result' in set)
      return this.change(run, processor, { ...change, set: withoutResult(set, done) });
    if (done instanceof Error) throw done;
    return done ? after : undefined;
  }

  async #writeAll(writes: readonly Write[]): Promise<(boolean | Error)[]> {
    const { matched, failures } = await updateEach(this.#runs, writes);
    if (matched === writes.length) return writes.map(() => true);
    // The answer only counts. Whose write was made shows in the records: each leaves its own name and number.
    const found = await readEach(
      this.#runs,
      writes.map(({ after }) => after._id),
    );
    return writes.map(({ after }, index) => {
      const now = found[index];
      const made = now !== undefined && now.processor === after.processor && now.steps === after.steps;
      const failure = failures.get(index);
      return failure === undefined ? made : notWritten(failure);
    });
  }
}

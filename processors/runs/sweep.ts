import type { Collection } from 'mongodb';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { isFinal, type Run } from '../../model/runs.ts';
import { RUN_LAUNCH_VOLUME } from '../bot-spec.ts';
import { NotKept, type Keeping } from '../keeping.ts';
import { removeLeftContainer } from './leftovers.ts';

export type RunSweepDeps = {
  engine: Engine;
  runs: Collection<Run>;
  keeping: Keeping;
  stopGraceMs: number;
  log: Logger;
  /** The clock by which the engine says when something was made, epoch milliseconds. */
  now?: () => number;
};

/** What is made for a run is younger than its record by far less than this, whatever clocks say. */
const UNKNOWN_FOR_MS = 24 * 3_600_000;

/** Object storage that does not take the output of so many takes none: the rest waits for the next sweep. */
const MOST_KEPT = 3;

/**
 * Removes what runs that are over left on the engine because their processor died just then and no job of theirs was left
 * (Redis was emptied). A container whose run nobody knows is left alone: it may be all that is left of a lost database. So
 * is the launch volume that it uses; one that nobody uses holds nothing but a config with its owner's keys, and goes after
 * a day.
 */
export class RunSweep {
  readonly #deps: RunSweepDeps;
  /** Containers of unknown runs that the log has told of. */
  #told = new Set<string>();

  constructor(deps: RunSweepDeps) {
    this.#deps = deps;
  }

  async sweep(
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ containers: number; volumes: number }> {
    const { engine } = this.#deps;
    // First what is there, then what the records say of it: whatever is made in between is not even looked at.
    const [containers, volumes] = await Promise.all([
      engine.list({ labels: { [LABEL.kind]: 'run' } }),
      engine.listVolumes({ [LABEL.kind]: RUN_LAUNCH_VOLUME }),
    ]);
    const runs = await this.#read([...containers, ...volumes].map(({ labels }) => labels[LABEL.run] ?? ''));
    const removed = { containers: 0, volumes: 0 };
    const told = new Set<string>();
    let kept = 0;
    for (const container of containers) {
      const run = runs.get(container.labels[LABEL.run] ?? '');
      if (run === undefined) this.#tell(container.id, container.name, told);
      else if (isFinal(run.state) && kept < MOST_KEPT) {
        const outcome = await this.#remove(run, container, signal);
        if (outcome === 'removed') removed.containers += 1;
        else if (outcome === 'kept') kept += 1;
      }
    }
    this.#told = told;
    const unknown: string[] = [];
    for (const { name, labels, createdAtMs } of volumes) {
      const run = runs.get(labels[LABEL.run] ?? '');
      if (run === undefined ? !this.#isOld(createdAtMs) : !isFinal(run.state)) continue;
      // The engine itself says no where a container uses it.
      if (!(await engine.removeVolume(name))) continue;
      removed.volumes += 1;
      if (run === undefined) unknown.push(name);
    }
    if (unknown.length > 0)
      this.#deps.log.warn(
        { volumes: unknown.length, first: unknown[0] },
        'Launch volumes of runs that are not on record, older than a day, were removed',
      );
    return removed;
  }

  /** `kept`: its output cannot be saved now. */
  async #remove(
    run: Pick<Run, '_id' | 'attempt'>,
    container: ContainerView,
    signal: AbortSignal,
  ): Promise<'removed' | 'kept' | 'left'> {
    try {
      return (await removeLeftContainer(this.#deps, run, container, signal)) ? 'removed' : 'left';
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      this.#deps.log.warn(
        { runId: run._id, containerId: container.id, error: error.message },
        'What a run left stays',
      );
      return 'kept';
    }
  }

  #isOld(createdAtMs: number): boolean {
    const { now = Date.now } = this.#deps;
    return now() - createdAtMs > UNKNOWN_FOR_MS;
  }

  async #read(ids: readonly string[]): Promise<Map<string, Pick<Run, '_id' | 'state' | 'attempt'>>> {
    const $in = [...new Set(ids)];
    if ($in.length === 0) return new Map();
    const found = await this.#deps.runs
      .find({ _id: { $in } })
      .project<Pick<Run, '_id' | 'state' | 'attempt'>>({ state: 1, attempt: 1 })
      .toArray();
    return new Map(found.map((run) => [run._id, run]));
  }

  #tell(containerId: string, name: string, told: Set<string>): void {
    if (!this.#told.has(containerId))
      this.#deps.log.warn(
        { containerId, name },
        'A container of a run that is not on record is left alone: look at it and remove it by hand',
      );
    told.add(containerId);
  }
}

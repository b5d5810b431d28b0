import type { Collection } from 'mongodb';
import { Grouped } from '../../infra/mongo/grouped.ts';
import { leavingLine } from '../../infra/mongo/leaving-line.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';

/** Takes runs that are over out of their schedules' lines, under load those of many schedules together. */
export class Lines {
  readonly #leavings: Grouped<Run, true>;

  constructor(statuses: Collection<ScheduleStatus>) {
    this.#leavings = new Grouped(async (runs) => {
      await statuses.bulkWrite(
        runs.map((run) => ({ updateOne: leavingLine(run) })),
        { ordered: false },
      );
      return runs.map(() => true);
    });
  }

  /** The run's record must be final by now. Counts it only once, however often it is called: a run is in its line once. */
  async leave(run: Run): Promise<void> {
    await this.#leavings.ask(run);
  }
}

import type { Engine } from '../../infra/engine/port.ts';
import type { Findings } from '../../model/gc-report.ts';

/** What every step of a sweep of the engine works with. */
export type Step = {
  /** In a rehearsal one that deletes nothing. */
  engine: Engine;
  findings: Findings;
  /** By the clock of this process; ages are those that the engine tells. Epoch milliseconds. */
  nowMs: number;
};

/** What a dead process left lies about for so long before it is taken for that: nothing of ours takes half as long. */
export const LEFT_BEHIND_MS = 3_600_000;

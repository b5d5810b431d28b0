import type { RunState } from '../../../model/runs.ts';
import { runStates } from '../../../producers/control/api/run-messages.ts';
import type { BackfillResponse } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { isoOf } from './fields.ts';

/** What a backfill does, or did, as `backfill --json` shows it. */
export type BackfillView = {
  schedule: string;
  zone: string;
  overlap: string;
  dryRun: boolean;
  times: BackfillTime[];
};

/** `begun`: whether it is on record now; only of what was done. */
export type BackfillTime = {
  nominal: string;
  run: string;
  state: RunState | null;
  /** `new`, `again`, `left`. */
  action: string;
  why: string;
  begun?: boolean;
};

export const backfillView = (
  schedule: string,
  { zone, overlap, items, begun }: BackfillResponse,
  dryRun: boolean,
): BackfillView => ({
  schedule,
  zone,
  overlap,
  dryRun,
  times: items.map(({ nominal, run, state, action, why }) => ({
    nominal: isoOf(nominal),
    run,
    state: runStates.words([state])[0] ?? null,
    action,
    why,
    ...(dryRun ? {} : { begun: begun.includes(run) }),
  })),
});

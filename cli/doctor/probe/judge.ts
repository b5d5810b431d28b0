import type { Settings } from '../../../infra/config/settings.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import type { ProbeFacts } from './facts.ts';
import { exhaustRows, writeRows } from './judge-confinement.ts';
import { featureRows, privilegeRows } from './judge-privileges.ts';
import { reachRows } from './judge-reach.ts';
import { secretRows } from './judge-secrets.ts';
import { ROW_GROUPS, worstOutcome, type Judged, type Row, type RowGroup } from './row.ts';

/** What the facts of a probe mean, one row each. Pure. */
export function probeRows(facts: ProbeFacts, settings: Settings): Row[] {
  const judged: Readonly<Record<RowGroup, readonly Judged[]>> = {
    'Reaching others': reachRows(facts),
    'Writing where it must not': writeRows(facts),
    'Taking all there is': exhaustRows(facts, settings),
    'Reading secrets': secretRows(facts),
    'Gaining privileges': privilegeRows(facts),
    'What the host has to hold it with': featureRows(facts),
  };
  return ROW_GROUPS.flatMap((group) => judged[group].map((row) => ({ group, ...row })));
}

/** 0 where all held, or the host lacks a feature and says which; 1 where something is open or could not be tried. */
export function probeExitCode(rows: readonly Row[]): ExitCode {
  const worst = worstOutcome(rows);
  return worst === 'held' || worst === 'missing' ? EXIT.ok : EXIT.failure;
}

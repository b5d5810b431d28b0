import {
  Explanation_Health as Health,
  type Explanation,
} from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import type { ExplainedHealth } from '../../../producers/control/explain/explanation.ts';
import { iso } from './fields.ts';

/** An explanation as `explain --json` shows it. */
export type ExplanationView = {
  id: string;
  verdict: string;
  health: ExplainedHealth;
  steps: ExplainedStep[];
  /** What happens next by itself; empty: nothing. */
  next: string;
  nextAt: string | null;
  /** What to do, most useful first. */
  cures: string[];
  /** What could not be looked at, and why. */
  unknown: string[];
};

/** One link of the chain. `obstacle`: things are held up here. */
export type ExplainedStep = {
  kind: string;
  text: string;
  at: string | null;
  obstacle: boolean;
  lines: string[];
};

const HEALTH: Readonly<Record<Health, ExplainedHealth>> = {
  [Health.UNSPECIFIED]: 'unknown',
  [Health.WELL]: 'well',
  [Health.WAITING]: 'waiting',
  [Health.WANTED]: 'wanted',
  [Health.TROUBLE]: 'trouble',
};

export const explanationView = (id: string, told: Explanation | undefined): ExplanationView => ({
  id,
  verdict: told?.verdict ?? '',
  health: HEALTH[told?.health ?? Health.UNSPECIFIED],
  steps: (told?.steps ?? []).map(({ kind, text, at, obstacle, lines }) => ({
    kind,
    text,
    at: iso(at),
    obstacle,
    lines,
  })),
  next: told?.next ?? '',
  nextAt: iso(told?.nextAt),
  cures: told?.cures ?? [],
  unknown: told?.unknown ?? [],
});

import { z } from 'zod';
import type { Confinement, EngineHostFacts } from '../../../infra/engine/audit.ts';
import type { EngineCapabilities } from '../../../infra/engine/port.ts';
import type { ProbePlan } from './plan.ts';
import type { Leak } from './secrets.ts';

/** One line of what the probe bot prints. `what` names the subject, `result` is one word of its own. */
const FINDING = z.object({ probe: z.string(), what: z.string(), result: z.string(), detail: z.string() });
export type Finding = z.output<typeof FINDING>;

/** Whether the rules of the bots' network are in force; undefined where this process cannot see them, or they are not ours. */
export type FilterFact = { inForce: boolean | undefined; reason: string };

/** All that is known once the probe is over; what it means is for `judge.ts`. */
export type ProbeFacts = {
  plan: ProbePlan;
  filter: FilterFact;
  capabilities: EngineCapabilities;
  host: EngineHostFacts;
  findings: readonly Finding[];
  /** What the other bot said. */
  neighbour: readonly Finding[];
  /** How the bot that tried is confined, as the engine has it. */
  confinement: Confinement;
  /** Whether the kernel ended something of it for want of memory. */
  oomKilled: boolean;
  exitCode: number | undefined;
  /** Secrets in what the engine tells of the container. */
  leaks: readonly Leak[];
  /** The slowest answer of the engine while the bot tried all that; undefined where it failed to answer. */
  slowestAnswerMs: number | undefined;
  tookMs: number;
};

/** The facts among lines of output; the launcher's own lines are none. */
export function findingsIn(output: string): Finding[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      const parsed = FINDING.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}

import type { QueueName } from '../../../queues/names.ts';
import { engineAsSeen } from '../installation/processes.ts';
import type { Explanation } from './explanation.ts';
import { holderOf, type Facts } from './facts.ts';
import { pausedWords } from './paused.ts';
import { inside } from './words.ts';

type Verdict = Pick<Explanation, 'verdict' | 'health' | 'next' | 'nextAt' | 'cures'>;

/** Who has to be alive that anything becomes of it. `paused`: queues that hold it up. */
export type Needs = {
  lease: 'planner' | 'scheduler';
  by: string;
  queues: string;
  paused: readonly QueueName[];
  engine: boolean;
};

const DOCTOR = '("the0-runtime doctor")';

/**
 * A verdict, with who is not there. `open`: something is still to be done about it; what waits for somebody who is not there
 * does not come by itself.
 */
export function withMissing(
  facts: Facts,
  found: Verdict,
  { needs, open }: { needs: Needs; open: boolean },
): Verdict {
  const missing = open ? missingOf(facts, needs) : undefined;
  if (missing === undefined) return found;
  const cures = [missing.cure, ...found.cures];
  const next = `${found.next === '' ? 'It goes on' : inside(found.next)}, once ${missing.then}.`;
  // What is wrong with it itself has been said, and outweighs this.
  if (found.health === 'trouble') return { ...found, next, cures };
  return { verdict: `${inside(found.verdict)}, but ${missing.what}.`, health: 'trouble', next, cures };
}

function missingOf(
  facts: Facts,
  { lease, by, queues, paused, engine }: Needs,
): { what: string; then: string; cure: string } | undefined {
  if (holderOf(facts, lease) === undefined)
    return {
      what: `nobody plans at present: no ${by} is alive`,
      then: `a ${by} is alive`,
      cure: `Start a ${by} (or \`up\`): nothing that changes is noticed without`,
    };
  if (facts.queue === undefined)
    return {
      what: 'Redis is away, which carries its jobs',
      then: 'Redis is back',
      cure: `See why Redis does not answer ${DOCTOR}`,
    };
  if (facts.queue.processors === 0)
    return {
      what: `no processor takes jobs of ${queues}`,
      then: 'a processor is alive',
      cure: `Start a processor for ${queues}, or see why those that there are have stopped`,
    };
  if (paused.length > 0) return pausedWords(paused);
  const asSeen = engineAsSeen(facts.store?.processes ?? []);
  if (!engine || asSeen.reachable) return undefined;
  return {
    what: `the container engine is not to be had (${asSeen.problem})`,
    then: 'the engine is back',
    cure: `See why the container engine does not answer ${DOCTOR}, on its host`,
  };
}

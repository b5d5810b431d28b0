import { planTransitions, type BotHistory, type PlanInput } from '../../model/planner.ts';
import { median, type Bench } from './harness/index.ts';

const BOTS = 10_000;
const RUNS = 21;
const WARM_UP = 5;

/** A fleet in which every kind of answer occurs: nine of ten bots are as they should be. */
function fleet(): PlanInput {
  const desired = Array.from({ length: BOTS }, (_, index) => ({
    botId: `bot-${index.toString(16).padStart(20, '0')}`,
    enabled: index % 50 !== 0,
    fingerprint: `fingerprint-${index}`,
    ...(index % 97 === 0 ? { hold: 'ann: incident 7' } : {}),
  }));
  const observed = desired
    .filter((_, index) => index % 20 !== 0)
    .map(({ botId, fingerprint }, index) => ({
      botId,
      containerId: `container-${botId}`,
      state: index % 31 === 0 ? ('exited' as const) : ('running' as const),
      fingerprint: index % 41 === 0 ? 'of an earlier version' : fingerprint,
      restarts: 0,
    }));
  const history = new Map<string, BotHistory>(
    desired.map(({ botId, fingerprint }) => [
      botId,
      {
        phase: 'running',
        permanent: false,
        attemptedFingerprint: fingerprint,
        containerId: `container-${botId}`,
      },
    ]),
  );
  return { desired, observed, history, now: 0 };
}

export const bench: Bench = {
  name: 'plan',
  goal: `planTransitions of ${BOTS} bots in ≤ 100 ms`,
  async run({ say }) {
    const input = fleet();
    const runs: number[] = [];
    let transitions = 0;
    for (let run = 0; run < WARM_UP + RUNS; run += 1) {
      const beganMs = performance.now();
      transitions = planTransitions(input).length;
      if (run >= WARM_UP) runs.push(performance.now() - beganMs);
    }
    say(`${transitions} transitions`);
    return [{ name: `${BOTS} bots`, value: median(runs), unit: 'ms', runs, limit: { atMost: 100 } }];
  },
};

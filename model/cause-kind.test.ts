import { expect, it } from 'vitest';
import { CAUSE_KINDS, causeKind } from './cause-kind.ts';
import { planTransitions, type BotHistory, type DesiredBot, type ObservedContainer } from './planner.ts';

const flags = [false, true];
const PHASES = ['running', 'stopped', 'held', 'pending', 'failed'] as const;
const STATES = ['none', 'created', 'running', 'exited'] as const;

/** Every cause that planning has, found by planning each mixture of what decides it. */
function* plannedCauses(): Generator<string> {
  for (const [exists, enabled, held, asked, changed] of mixtures(5))
    for (const phase of [undefined, ...PHASES])
      for (const state of STATES)
        for (const nextAttemptAt of [undefined, new Date(1_000)]) {
          const desired: DesiredBot = {
            botId: 'b',
            enabled: enabled === true,
            fingerprint: changed === true ? 'f2' : 'f1',
            ...(held === true ? { hold: 'ann: incident' } : {}),
            ...(asked === true ? { restart: { count: 1, words: 'ann: again' } } : {}),
          };
          const container = { botId: 'b', containerId: 'c', fingerprint: 'f1', restarts: 0 };
          const observed: ObservedContainer[] = state === 'none' ? [] : [{ ...container, state }];
          const past: BotHistory | undefined =
            phase === undefined
              ? undefined
              : {
                  phase,
                  attemptedFingerprint: 'f1',
                  ...(nextAttemptAt === undefined ? {} : { nextAttemptAt }),
                };
          const transitions = planTransitions({
            desired: exists === true ? [desired] : [],
            observed,
            history: new Map(past === undefined ? [] : [['b', past]]),
            now: 0,
          });
          for (const { cause } of transitions) yield cause;
        }
}

const mixtures = (count: number): boolean[][] =>
  count === 0 ? [[]] : mixtures(count - 1).flatMap((rest) => flags.map((flag) => [flag, ...rest]));

it('knows every cause that planning has', () => {
  const causes = new Set(plannedCauses());
  expect([...causes].filter((cause) => causeKind(cause) === 'other')).toEqual([]);
  const kinds = new Set([...causes].map(causeKind));
  // Not planned: a bot's state is watched, and the end of a back-off may be put on the queue by whoever failed.
  expect(CAUSE_KINDS.filter((kind) => !kinds.has(kind))).toEqual(['state', 'other']);
});

it.each([
  ['its container ended with exit code 3', 'ended'],
  ['next attempt after: S3 is away', 'back-off'],
  ['the platform changed its state', 'state'],
  ['its state was deleted by hand', 'state'],
  ['Its state takes 3 MiB, and 2 MiB are allowed', 'state'],
  ['something of tomorrow', 'other'],
] as const)('takes %j for %s', (cause, kind) => {
  expect(causeKind(cause)).toBe(kind);
});

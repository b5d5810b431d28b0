import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planTransitions, type BotHistory, type DesiredBot, type ObservedContainer } from './planner.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const bot = (over: Partial<DesiredBot> = {}): DesiredBot => ({
  botId: 'b',
  enabled: true,
  fingerprint: 'f1',
  ...over,
});
const container = (over: Partial<ObservedContainer> = {}): ObservedContainer => ({
  botId: 'b',
  containerId: 'c1',
  state: 'running',
  fingerprint: 'f1',
  restarts: 0,
  ...over,
});
const asked = (count: number): DesiredBot => bot({ restart: { count, words: 'ann: new image' } });
const history = (over: Partial<BotHistory> = {}): BotHistory => ({
  phase: 'running',
  containerId: 'c1',
  attemptedFingerprint: 'f1',
  ...over,
});
const plan = (desired: DesiredBot[], observed: ObservedContainer[], past?: BotHistory) =>
  planTransitions({ desired, observed, history: new Map(past === undefined ? [] : [['b', past]]), now: NOW });

describe('planTransitions', () => {
  it.each([
    ['a new bot is started', plan([bot()], []), 'start', 'the bot is new'],
    [
      'a running bot that is not recorded is adopted',
      plan([bot()], [container()]),
      'start',
      'a running container is adopted',
    ],
    [
      'a bot recorded with another container is adopted',
      plan([bot()], [container()], history({ containerId: 'c0' })),
      'start',
      'a running container is adopted',
    ],
    [
      'a changed bot is restarted',
      plan([bot({ fingerprint: 'f2' })], [container()], history()),
      'restart',
      'its configuration or code changed',
    ],
    [
      'a disabled bot is stopped',
      plan([bot({ enabled: false })], [container()], history()),
      'stop',
      'its owner disabled it',
    ],
    [
      'a held bot is stopped',
      plan([bot({ hold: 'ann: incident 7' })], [container()], history()),
      'stop',
      'the bot is held: ann: incident 7',
    ],
    ['a deleted bot is stopped', plan([], [container()], history()), 'stop', 'the bot was deleted'],
    [
      'a deleted bot without container has its status cleared',
      plan([], [], history()),
      'stop',
      'the bot was deleted; its status is cleared',
    ],
    [
      'an ended container is dealt with',
      plan([bot()], [container({ state: 'exited' })], history()),
      'start',
      'its container ended',
    ],
    [
      'a dead container is dealt with',
      plan([bot()], [container({ state: 'dead' })], history()),
      'start',
      'its container ended',
    ],
    [
      'a container that was never started is dealt with',
      plan([bot()], [container({ state: 'created' })]),
      'start',
      'its container was created and never started',
    ],
    [
      'a vanished container is replaced',
      plan([bot()], [], history()),
      'start',
      'the bot should run and does not',
    ],
    [
      'a disabled bot that was never seen gets a status',
      plan([bot({ enabled: false })], []),
      'stop',
      'its owner disabled it',
    ],
    [
      'a disabled bot in back-off is settled',
      plan([bot({ enabled: false })], [], history({ phase: 'backing-off' })),
      'stop',
      'its owner disabled it',
    ],
    [
      'what is left of a bot that failed for good is dealt with',
      plan([bot()], [container({ state: 'exited' })], history({ phase: 'failed', permanent: true })),
      'start',
      'its container ended',
    ],
    [
      'a container of a permanently failed bot is dealt with when its bot changed',
      plan([bot({ fingerprint: 'f2' })], [], history({ phase: 'failed', permanent: true })),
      'start',
      'its configuration or code changed',
    ],
    [
      'a bot that somebody wants restarted is restarted, with who and why',
      plan([asked(2)], [container({ restarts: 1 })], history({ attemptedRestarts: 1 })),
      'restart',
      'a restart was asked for: ann: new image',
    ],
    [
      'a container of a release that knew no such wishes is restarted by the first',
      plan([asked(1)], [container()], history()),
      'restart',
      'a restart was asked for: ann: new image',
    ],
    [
      'a bot that failed for good is tried again when somebody wants it',
      plan([asked(2)], [], history({ phase: 'failed', permanent: true, attemptedRestarts: 1 })),
      'start',
      'a restart was asked for: ann: new image',
    ],
    [
      'a bot in back-off is tried at once when somebody wants it',
      plan([asked(1)], [], history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 300_000) })),
      'start',
      'a restart was asked for: ann: new image',
    ],
    [
      'a bot that its owner enabled again is started',
      plan([bot()], [], { phase: 'stopped' }),
      'start',
      'its owner enabled it',
    ],
    [
      'a bot whose hold was lifted is started',
      plan([bot()], [], { phase: 'held' }),
      'start',
      'its hold was lifted',
    ],
  ])('%s', (_name, transitions, kind, cause) => {
    expect(transitions).toMatchObject([{ kind, botId: 'b', cause, delayMs: 0 }]);
  });

  it.each([
    ['a bot that runs as it should', plan([bot()], [container()], history())],
    [
      'a paused container: somebody froze it by hand',
      plan([bot()], [container({ state: 'paused' })], history()),
    ],
    [
      'a container that is being removed just now',
      plan([bot()], [container({ state: 'removing' })], history()),
    ],
    ['a disabled bot that is stopped', plan([bot({ enabled: false })], [], history({ phase: 'stopped' }))],
    ['a held bot that is held', plan([bot({ hold: 'x: y' })], [], history({ phase: 'held' }))],
    [
      'a bot that failed for good and is unchanged',
      plan([bot()], [], history({ phase: 'failed', permanent: true })),
    ],
    [
      'a bot that failed for good under the newest wish',
      plan([asked(2)], [], history({ phase: 'failed', permanent: true, attemptedRestarts: 2 })),
    ],
    [
      'a bot that was restarted as it was asked',
      plan([asked(2)], [container({ restarts: 2 })], history({ attemptedRestarts: 2 })),
    ],
    [
      'a container that is ahead of the wishes, as of an older database',
      plan([asked(2)], [container({ restarts: 7 })], history({ attemptedRestarts: 7 })),
    ],
    ['nothing at all', plan([], [])],
  ])('does nothing about %s', (_name, transitions) => {
    expect(transitions).toEqual([]);
  });

  it('lets a back-off run out, and not a moment longer', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 4000) });
    expect(plan([bot()], [], past)).toMatchObject([
      { kind: 'start', botId: 'b', cause: 'the back-off runs out', delayMs: 4000, urgent: false },
    ]);
    const over = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW - 1) });
    expect(plan([bot()], [], over)[0]?.delayMs).toBe(0);
  });

  it('says where a container contradicts what is remembered: no back-off may hold that up', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 4000) });
    expect(plan([bot()], [container({ state: 'exited' })], past)).toMatchObject([
      { kind: 'start', delayMs: 0, urgent: true },
    ]);
    expect(plan([bot()], [container()], past)).toMatchObject([
      { kind: 'start', cause: 'a running container is adopted', urgent: true },
    ]);
  });

  it('starts a repaired bot at once, whatever its back-off', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 300_000) });
    expect(plan([bot({ fingerprint: 'f2' })], [], past)).toMatchObject([
      { kind: 'start', botId: 'b', cause: 'its configuration or code changed', delayMs: 0 },
    ]);
  });

  it.each([
    ['was changed', plan([bot({ fingerprint: 'f2' })], [], history({ phase: 'backing-off' }))],
    ['was enabled again', plan([bot()], [], { phase: 'stopped' })],
    ['was released', plan([bot()], [], { phase: 'held' })],
    ['was deleted and made anew', plan([bot()], [])],
    ['somebody wants tried again', plan([asked(1)], [], history({ phase: 'backing-off' }))],
    ['is running and was disabled', plan([bot({ enabled: false })], [container()], history())],
    ['was changed while it ran', plan([bot({ fingerprint: 'f2' })], [container()], history())],
  ])(
    'lets no job that waits for its time hold up a bot that %s, however that is noticed',
    (_what, planned) => {
      expect(planned).toMatchObject([{ urgent: true, delayMs: 0 }]);
    },
  );

  it('leaves the job that waits for the end of a back-off alone, and does without it where it is gone', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW - 1) });
    expect(plan([bot()], [], past)).toMatchObject([{ kind: 'start', urgent: false, delayMs: 0 }]);
  });

  it('counts the running container when a listing shows an old one beside it', () => {
    const listed = [container({ state: 'exited', containerId: 'c0' }), container()];
    expect(plan([bot()], listed, history())).toEqual([]);
    expect(plan([bot()], listed.reverse(), history())).toEqual([]);
  });
});

const botIds = fc.constantFrom('a', 'b', 'c');

describe('any plan', () => {
  it('plans at most one transition for a bot', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ botId: botIds, enabled: fc.boolean(), fingerprint: fc.constantFrom('f1', 'f2') }),
          { maxLength: 3 },
        ),
        fc.array(
          fc.record({
            botId: botIds,
            containerId: fc.string(),
            fingerprint: fc.constantFrom('f1', 'f2'),
            restarts: fc.constant(0),
            state: fc.constantFrom(
              'created' as const,
              'running' as const,
              'exited' as const,
              'paused' as const,
              'dead' as const,
              'removing' as const,
            ),
          }),
        ),
        (desired, observed) => {
          const unique = [...new Map(desired.map((d) => [d.botId, d])).values()];
          const planned = planTransitions({ desired: unique, observed, history: new Map(), now: NOW }).map(
            (t) => t.botId,
          );
          expect(new Set(planned).size).toBe(planned.length);
        },
      ),
    );
  });
});

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
  ...over,
});
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
      'a container of a permanently failed bot is dealt with when its bot changed',
      plan([bot({ fingerprint: 'f2' })], [], history({ phase: 'failed', permanent: true })),
      'start',
      'its configuration or code changed',
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
    ['nothing at all', plan([], [])],
  ])('does nothing about %s', (_name, transitions) => {
    expect(transitions).toEqual([]);
  });

  it('lets a back-off run out, and not a moment longer', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 4000) });
    expect(plan([bot()], [], past)).toMatchObject([
      { kind: 'start', botId: 'b', cause: 'the back-off runs out', delayMs: 4000, contradicted: false },
    ]);
    const over = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW - 1) });
    expect(plan([bot()], [], over)[0]?.delayMs).toBe(0);
  });

  it('says where a container contradicts what is remembered: no back-off may hold that up', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 4000) });
    expect(plan([bot()], [container({ state: 'exited' })], past)).toMatchObject([
      { kind: 'start', delayMs: 0, contradicted: true },
    ]);
    expect(plan([bot()], [container()], past)).toMatchObject([
      { kind: 'start', cause: 'a running container is adopted', contradicted: true },
    ]);
  });

  it('starts a repaired bot at once, whatever its back-off', () => {
    const past = history({ phase: 'backing-off', nextAttemptAt: new Date(NOW + 300_000) });
    expect(plan([bot({ fingerprint: 'f2' })], [], past)).toMatchObject([
      { kind: 'start', botId: 'b', cause: 'its configuration or code changed', delayMs: 0 },
    ]);
  });

  it('counts the running container when a listing shows an old one beside it', () => {
    const listed = [container({ state: 'exited', containerId: 'c0' }), container()];
    expect(plan([bot()], listed, history())).toEqual([]);
    expect(plan([bot()], listed.reverse(), history())).toEqual([]);
  });
});

/**
 * A small world in which planned transitions are carried out late, twice, out of order and partly, while owners change
 * their minds and containers die. However it went: once the world is left alone, it becomes what is desired.
 */
type World = {
  desired: Map<string, { enabled: boolean; version: number }>;
  engine: Map<string, { id: string; version: number; state: 'running' | 'exited' | 'created' }>;
  history: Map<string, BotHistory>;
  ids: number;
};

const inputs = (world: World) => ({
  desired: [...world.desired].map(([botId, d]) => ({
    botId,
    enabled: d.enabled,
    fingerprint: `v${d.version}`,
  })),
  observed: [...world.engine].map(([botId, c]) => ({
    botId,
    containerId: c.id,
    state: c.state,
    fingerprint: `v${c.version}`,
  })),
  history: world.history,
  now: NOW,
});

/** What every handler does, whatever the queue: look at the bot and make it right. `dies` cuts it off midway. */
function converge(world: World, botId: string, dies: boolean): void {
  const wish = world.desired.get(botId);
  const held = world.engine.get(botId);
  if (
    held !== undefined &&
    (wish === undefined || !wish.enabled || held.version !== wish.version || held.state !== 'running')
  ) {
    world.engine.delete(botId);
    if (dies) return;
  }
  if (wish === undefined) {
    world.history.delete(botId);
    return;
  }
  if (!wish.enabled) {
    world.history.set(botId, { phase: 'stopped' });
    return;
  }
  if (!world.engine.has(botId)) {
    world.ids += 1;
    world.engine.set(botId, {
      id: `c${world.ids}`,
      version: wish.version,
      state: dies ? 'created' : 'running',
    });
    if (dies) return;
  }
  const now = world.engine.get(botId);
  if (now !== undefined)
    world.history.set(botId, {
      phase: 'running',
      containerId: now.id,
      attemptedFingerprint: `v${now.version}`,
    });
}

const botIds = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  fc.record({ do: fc.constant('want' as const), botId: botIds, enabled: fc.boolean(), version: fc.nat(3) }),
  fc.record({ do: fc.constant('delete' as const), botId: botIds }),
  fc.record({ do: fc.constant('die' as const), botId: botIds }),
  fc.record({ do: fc.constant('vanish' as const), botId: botIds }),
  fc.record({ do: fc.constant('forget' as const), botId: botIds }),
  fc.record({ do: fc.constant('plan' as const) }),
  fc.record({ do: fc.constant('act' as const), pick: fc.nat(), again: fc.boolean(), dies: fc.boolean() }),
);

describe('planning and acting', () => {
  it('converges from any state and any order of events, and never has two containers of a bot', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world: World = { desired: new Map(), engine: new Map(), history: new Map(), ids: 0 };
        const jobs: string[] = [];
        for (const s of steps) {
          if (s.do === 'want') world.desired.set(s.botId, { enabled: s.enabled, version: s.version });
          else if (s.do === 'delete') world.desired.delete(s.botId);
          else if (s.do === 'vanish') world.engine.delete(s.botId);
          else if (s.do === 'forget') world.history.delete(s.botId);
          else if (s.do === 'die') {
            const held = world.engine.get(s.botId);
            if (held !== undefined) held.state = 'exited';
          } else if (s.do === 'plan') jobs.push(...planTransitions(inputs(world)).map((t) => t.botId));
          else {
            const [job] = s.again
              ? jobs.slice(s.pick % Math.max(1, jobs.length))
              : jobs.splice(s.pick % Math.max(1, jobs.length), 1);
            if (job !== undefined) converge(world, job, s.dies);
          }
        }
        for (let round = 0; round < 3; round += 1)
          for (const transition of planTransitions(inputs(world))) converge(world, transition.botId, false);
        expect(planTransitions(inputs(world))).toEqual([]);
        for (const [botId, wish] of world.desired)
          expect(world.engine.get(botId)?.version).toBe(wish.enabled ? wish.version : undefined);
        for (const botId of world.engine.keys()) expect(world.desired.has(botId)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

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

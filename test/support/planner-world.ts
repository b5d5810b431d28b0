import { planTransitions, type BotHistory, type ObservedContainer } from '../../model/planner.ts';
import type { TransitionKind } from '../../model/planner.ts';

/**
 * A small world for properties of planning: an engine that refuses a name that is taken, queues that keep delayed jobs as
 * ours do, and actors that carry jobs out step by step, between whose steps anything may happen. What actors do is what
 * processors do, told in a page; what is planned is planned by the planner itself.
 */

/** What owner and operators want of a bot. Version 3 of every bot can never start. */
export type Wish = { enabled: boolean; version: number; held: boolean; restart: number };
export const BROKEN_VERSION = 3;
export const BACKOFF_MS = 60_000;

type Container = {
  id: string;
  name: string;
  botId: string;
  version: number;
  restarts: number;
  state: 'created' | 'running' | 'exited' | 'removing';
};

/** How a pass over a bot ended; `again`: its job comes back at once. */
type Ending = { kind: 'done' } | { kind: 'again' } | { kind: 'deferred'; at: number };
type Job = { queue: TransitionKind; botId: string };
type Actor = { job: Job; pass: Generator<void, Ending>; rerun: boolean; stalled: boolean };

const keyOf = ({ queue, botId }: Job): string => `${queue} ${botId}`;
const nameOf = (botId: string): string => `the0_${botId}`;
const fingerprintOf = (version: number): string => `v${version}`;

export class PlannerWorld {
  now = 0;
  /** Object storage is away: starts fail by circumstance. */
  storeAway = false;
  readonly desired = new Map<string, Wish>();
  /** Restarts that were asked for, by bot: they are on record until what a deleted bot left is swept away, after days. */
  readonly asked = new Map<string, number>();
  readonly history = new Map<string, BotHistory>();
  readonly engine: Container[] = [];
  /** Due times of jobs that wait, one for each queue and bot. */
  readonly #jobs = new Map<string, Job & { dueAt: number }>();
  readonly #actors = new Map<string, Actor>();
  readonly #locks = new Map<string, number>();
  readonly #refuses: boolean;
  #serial = 0;

  /** `refuses`: whether the engine refuses a name that is taken. Not so only where this test is tested. */
  constructor({ refuses = true } = {}) {
    this.#refuses = refuses;
  }

  inputs(): Parameters<typeof planTransitions>[0] {
    return {
      desired: [...this.desired].map(([botId, wish]) => ({
        botId,
        enabled: wish.enabled,
        fingerprint: fingerprintOf(wish.version),
        ...(wish.held ? { hold: 'ann: incident' } : {}),
        ...(wish.restart > 0 ? { restart: { count: wish.restart, words: 'ann: try' } } : {}),
      })),
      observed: this.engine.map(({ id, botId, version, restarts, state }): ObservedContainer => ({
        containerId: id,
        botId,
        fingerprint: fingerprintOf(version),
        restarts,
        state,
      })),
      history: this.history,
      now: this.now,
    };
  }

  /** A look at everything: no change stream tells of any wish here, so what is urgent is so by the plan alone. */
  plan(): void {
    for (const { kind, botId, delayMs, urgent } of planTransitions(this.inputs()))
      this.#enqueue({ queue: kind, botId }, this.now + delayMs, urgent && delayMs === 0);
  }

  jobDueAt(job: Job): number | undefined {
    return this.#jobs.get(keyOf(job))?.dueAt;
  }

  /** The actor takes the `pick`th of the due jobs, unless it is busy or another is at the same bot by the same queue. */
  take(actor: string, pick: number): void {
    if (this.#actors.has(actor)) return;
    const due = [...this.#jobs.values()].filter(
      (job) => job.dueAt <= this.now && this.#activeAt(job) === undefined,
    );
    const job = due[pick % Math.max(1, due.length)];
    if (job === undefined) return;
    this.#jobs.delete(keyOf(job));
    this.#actors.set(actor, { job, pass: this.#pass(job.botId), rerun: false, stalled: false });
  }

  /** One step of what the actor is at. */
  step(actor: string): void {
    const at = this.#actors.get(actor);
    if (at === undefined) return;
    const { done, value } = at.pass.next();
    if (done !== true) return;
    this.#actors.delete(actor);
    if (value.kind === 'deferred') this.#enqueue({ queue: 'start', botId: at.job.botId }, value.at, true);
    if (!at.stalled && (value.kind === 'again' || at.rerun)) this.#enqueue(at.job, this.now, true);
  }

  /** The actor dies: nothing more of it happens, its lock lapses, its job is taken over. */
  kill(actor: string): void {
    const at = this.#actors.get(actor);
    if (at === undefined) return;
    this.#actors.delete(actor);
    this.#locks.delete(at.job.botId);
    if (!at.stalled) this.#enqueue(at.job, this.now, true);
  }

  /** Whoever is at the bot was stopped for a while, or cut off: its lock lapses, its job is taken over, and then it goes on. */
  lapse(botId: string): void {
    this.#locks.delete(botId);
    for (const actor of this.#actors.values()) {
      if (actor.job.botId !== botId || actor.stalled) continue;
      actor.stalled = true;
      this.#enqueue(actor.job, this.now, true);
    }
  }

  /** The engine is done with what it was removing. */
  settle(): void {
    for (let at = this.engine.length - 1; at >= 0; at -= 1)
      if (this.engine[at]?.state === 'removing') this.engine.splice(at, 1);
  }

  containersOf(botId: string): Container[] {
    return this.engine.filter((container) => container.botId === botId);
  }

  /** Everything that is under way ends, and everything that is due is done, by looks at everything alone. No time passes. */
  quiet(rounds = 8): void {
    for (let round = 0; round < rounds; round += 1) {
      this.plan();
      for (let jobs = 0; jobs < 30; jobs += 1) {
        this.take('quiet', 0);
        for (const name of [...this.#actors.keys()])
          for (let steps = 0; steps < 30; steps += 1) this.step(name);
        this.settle();
      }
    }
  }

  #activeAt(job: Job): Actor | undefined {
    return [...this.#actors.values()].find((actor) => !actor.stalled && keyOf(actor.job) === keyOf(job));
  }

  #enqueue(job: Job, dueAt: number, replaces: boolean): void {
    const key = keyOf(job);
    const active = this.#activeAt(job);
    if (active !== undefined && dueAt <= this.now) {
      active.rerun ||= replaces;
      return;
    }
    const waiting = this.#jobs.get(key);
    if (waiting !== undefined && (waiting.dueAt <= this.now || !replaces)) return;
    this.#jobs.set(key, { queue: job.queue, botId: job.botId, dueAt });
  }

  *#pass(botId: string): Generator<void, Ending> {
    if (this.#locks.has(botId)) return { kind: 'again' };
    const token = (this.#serial += 1);
    this.#locks.set(botId, token);
    const held = (): boolean => this.#locks.get(botId) === token;
    yield;
    const wish = this.#read(botId);
    yield;
    const ending =
      wish?.enabled === true && !wish.held
        ? yield* this.#run(botId, wish, held)
        : yield* this.#rest(botId, held);
    if (!held()) return { kind: 'again' };
    this.#locks.delete(botId);
    return JSON.stringify(this.#read(botId)) === JSON.stringify(wish) ? ending : { kind: 'again' };
  }

  *#rest(botId: string, held: () => boolean): Generator<void, Ending> {
    const container = this.#inspect(botId);
    if (container !== undefined && !(yield* this.#end(container.id, held))) return { kind: 'again' };
    yield;
    if (!held()) return { kind: 'again' };
    const wish = this.#read(botId);
    if (wish === undefined) this.history.delete(botId);
    else this.history.set(botId, { phase: wish.enabled ? 'held' : 'stopped' });
    return { kind: 'done' };
  }

  *#run(botId: string, wish: Wish, held: () => boolean): Generator<void, Ending> {
    const attempt = { attemptedFingerprint: fingerprintOf(wish.version), attemptedRestarts: wish.restart };
    const record = (history: BotHistory): boolean => {
      if (held()) this.history.set(botId, { ...attempt, ...history });
      return held();
    };
    const backOff = (phase: 'backing-off' | 'failed'): Ending => {
      const at = this.now + BACKOFF_MS;
      return record({ phase, nextAttemptAt: new Date(at) }) ? { kind: 'deferred', at } : { kind: 'again' };
    };
    const past = this.history.get(botId);
    const sameAttempt =
      past?.attemptedFingerprint === attempt.attemptedFingerprint &&
      wish.restart <= (past.attemptedRestarts ?? 0);
    const container = this.#inspect(botId);
    if (container?.state === 'removing') return { kind: 'again' };
    const right = container?.version === wish.version && container.restarts >= wish.restart;
    if (container?.state === 'running' && right)
      return record({ phase: 'running', containerId: container.id }) ? { kind: 'done' } : { kind: 'again' };
    if (container?.state === 'exited' && sameAttempt && past?.phase === 'running') {
      const ending = backOff('backing-off');
      yield;
      return (yield* this.#end(container.id, held)) ? ending : { kind: 'again' };
    }
    if (container !== undefined && !(yield* this.#end(container.id, held))) return { kind: 'again' };
    const notBefore = past?.nextAttemptAt?.getTime() ?? 0;
    if (sameAttempt && notBefore > this.now) return { kind: 'deferred', at: notBefore };
    if (wish.version === BROKEN_VERSION)
      return record({ phase: 'failed', permanent: true }) ? { kind: 'done' } : { kind: 'again' };
    if (this.storeAway) return backOff('failed');
    return yield* this.#start(botId, wish, { held, record });
  }

  *#start(
    botId: string,
    wish: Wish,
    { held, record }: { held: () => boolean; record: (history: BotHistory) => boolean },
  ): Generator<void, Ending> {
    if (!held()) return { kind: 'again' };
    // The window that remains: between the last look at the lock and the engine, anything may happen.
    yield;
    const id = this.#create(botId, wish);
    if (id === undefined) return { kind: 'again' };
    yield;
    if (!held() || JSON.stringify(this.#read(botId)) !== JSON.stringify(wish)) {
      if (held()) this.#remove(id);
      return { kind: 'again' };
    }
    yield;
    const container = this.engine.find((one) => one.id === id && one.state === 'created');
    if (container === undefined) return { kind: 'again' };
    container.state = 'running';
    yield;
    return record({ phase: 'running', containerId: id }) ? { kind: 'done' } : { kind: 'again' };
  }

  /** Stops and removes by id. False once the lock is lost. */
  *#end(id: string, held: () => boolean): Generator<void, boolean> {
    if (!held()) return false;
    yield;
    const container = this.engine.find((one) => one.id === id);
    if (container?.state === 'running') container.state = 'exited';
    yield;
    if (!held()) return false;
    this.#remove(id);
    return true;
  }

  #read(botId: string): Wish | undefined {
    const wish = this.desired.get(botId);
    return wish === undefined ? undefined : { ...wish };
  }

  #inspect(botId: string): Container | undefined {
    return this.engine.find(({ name }) => name === nameOf(botId));
  }

  /** Undefined: the name is taken. */
  #create(botId: string, { version, restart: restarts }: Wish): string | undefined {
    const name = nameOf(botId);
    if (this.#refuses && this.engine.some((container) => container.name === name)) return undefined;
    this.#serial += 1;
    const id = `c${this.#serial}`;
    this.engine.push({ id, name, botId, version, restarts, state: 'created' });
    return id;
  }

  #remove(id: string): void {
    const container = this.engine.find((one) => one.id === id);
    if (container !== undefined) container.state = 'removing';
  }
}

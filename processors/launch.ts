import { NameTaken } from '../infra/engine/errors.ts';
import type { ContainerSpec } from '../infra/engine/port.ts';
import { botLabels } from '../model/labels.ts';
import { botSpec } from './bot-spec.ts';
import type { Pass } from './converge.ts';
import { sameDesire, type Desired } from './desired.ts';
import type { LaunchPlan } from './entrypoints/types.ts';
import type { Keeping } from './keeping.ts';
import { fillContainer } from './launch/fill.ts';
import { assertEgress, prepare, type PrepareDeps } from './launch/prepare.ts';
import type { Place, Semaphore } from './semaphore.ts';
import { sayingWhenSlow } from './slow-phase.ts';
import { Superseded, whileWanted } from './wish-watch.ts';

export type { EgressGate } from './launch/prepare.ts';

type Wanted = Extract<Desired, { kind: 'run' }>;

/** `notes`: what its owner should know although it runs, such as a limit that was lowered. */
export type Started = { id: string; image: string; notes: readonly string[] };

export type LauncherDeps = PrepareDeps & {
  /** Starts at once (create, fill, start): an engine does less, not more, when asked for everything together. */
  slots: Semaphore;
  keeping: Keeping;
  newId: () => string;
};

/** A newer wish is looked for this often while something slow goes on. */
const LISTEN_EVERY_MS = 250;

/** Turns a bot that should run and has no container into one that runs. */
export class Launcher {
  readonly #deps: LauncherDeps;
  constructor(deps: LauncherDeps) {
    this.#deps = deps;
  }

  /** Starts the bot's container. Throws what `describeFailure` reads; leaves no container behind when it throws. */
  async start(pass: Pass, desired: Wanted): Promise<Started> {
    const { engine, slots } = this.#deps;
    const listening = this.#listening(pass, desired);

    const prepared = await prepare(this.#deps, {
      bot: desired.bot,
      botType: 'realtime',
      step: (reason, work) => this.#saying(pass, reason, () => whileWanted(listening, work)),
      timing: pass.timing,
    });
    const spec = botSpec({
      ...prepared,
      installation: engine.installation,
      botId: pass.lock.botId,
      labels: botLabels({
        botId: pass.lock.botId,
        entrypoint: prepared.launch.entryFile,
        runtime: prepared.runtime,
        fingerprint: desired.fingerprint,
        token: pass.lock.token,
        restarts: desired.restarts,
        code: prepared.codeId,
      }),
    });
    const waitsSinceMs = performance.now();
    const id = await this.#saying(pass, 'Starting its container.', () =>
      slots.run((place) => {
        pass.timing.add('slot', performance.now() - waitsSinceMs);
        return this.#createAndStart(pass, desired, { spec, launch: prepared.launch, place });
      }, pass.signal),
    );
    return { id, image: spec.image, notes: prepared.notes };
  }

  /**
   * Starts the bot's own ended container again, as it is: with the code, the config and the state that it has. Throws what
   * `describeFailure` reads; the container stays.
   */
  async startAgain(pass: Pass, desired: Wanted, containerId: string): Promise<void> {
    const { slots, sameEngine, foreign, egress } = this.#deps;
    await sameEngine();
    await foreign.assertNone(pass.lock.botId);
    await assertEgress(egress);
    await slots.run(() => this.#startIfWanted(pass, desired, containerId), pass.signal);
  }

  async #createAndStart(
    pass: Pass,
    desired: Wanted,
    { spec, launch, place }: { spec: ContainerSpec; launch: LaunchPlan; place: Place },
  ): Promise<string> {
    const signal = pass.lock.lost;
    pass.lock.assertHeld();
    const id = await pass.timing.measure('create', () => this.#create(spec, signal));
    try {
      await pass.timing.measure('fill', () => this.#fill(pass, desired, { id, spec }, { launch, place }));
      await this.#startIfWanted(pass, desired, id);
    } catch (error) {
      await this.#takeBack(pass, id);
      throw error;
    }
    return id;
  }

  /** Looks again, and only then starts: what was decided a moment ago may be wrong by now. */
  async #startIfWanted(pass: Pass, desired: Wanted, id: string): Promise<void> {
    const [now] = await Promise.all([pass.readDesired(), pass.lock.confirm()]);
    if (!sameDesire(desired, now)) throw new Superseded();
    pass.lock.assertHeld();
    await pass.timing.measure('start', () => this.#deps.engine.start(id, { signal: pass.lock.lost }));
  }

  async #fill(
    pass: Pass,
    desired: Wanted,
    container: { id: string; spec: ContainerSpec },
    { launch, place }: { launch: LaunchPlan; place: Place },
  ): Promise<void> {
    const { engine, keeping, newId } = this.#deps;
    let filling: Promise<void> | undefined;
    try {
      // A processor that drains finishes what it began; only a newer wish ends it.
      await whileWanted({ ...this.#listening(pass, desired), signal: pass.lock.lost }, (signal) => {
        filling = fillContainer(engine, container.id, launch, {
          // Object storage that takes its time holds nobody else up.
          state: (either) =>
            place.lend(
              () =>
                keeping.restore(pass.lock.botId, container, {
                  nonce: newId(),
                  shared: false,
                  signal: either,
                }),
              either,
            ),
          signal,
        });
        return filling;
      });
    } finally {
      // A large state takes its time. A newer wish ends that, and waits for its end: nothing writes to a volume behind the
      // back of what comes next.
      await filling?.catch(() => undefined);
    }
  }

  #listening(pass: Pass, desired: Wanted): Parameters<typeof whileWanted>[0] {
    return { desired, read: pass.readDesired, everyMs: LISTEN_EVERY_MS, signal: pass.signal };
  }

  #saying<T>(pass: Pass, reason: string, step: () => Promise<T>): Promise<T> {
    const since = pass.status.phase === 'starting' ? pass.status.since : pass.deps.clock.now();
    return sayingWhenSlow(pass.lock, { phase: 'starting', reason, since }, step);
  }

  /**
   * Removes what this start made, by its id, and only while the lock is ours: a start that was cut off may have worked
   * all the same, and whoever holds the lock now may have adopted the container. What is left over they deal with.
   */
  async #takeBack(pass: Pass, id: string): Promise<void> {
    try {
      pass.lock.assertHeld();
      await this.#deps.engine.remove(id, { force: true });
    } catch {
      // The engine is away or the lock is lost: the next pass over this bot finds the container and removes it.
    }
  }

  async #create(spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    try {
      return await this.#deps.engine.create(spec, { signal });
    } catch (error) {
      // Somebody created it since we looked: look again rather than fail.
      if (error instanceof NameTaken) throw new Superseded();
      throw error;
    }
  }
}

import type { Settings } from '../infra/config/settings.ts';
import { NameTaken } from '../infra/engine/errors.ts';
import type { ContainerSpec, Engine } from '../infra/engine/port.ts';
import { botLabels, LABEL } from '../model/labels.ts';
import { botLimits } from '../model/limits.ts';
import { botSpec, operatorLimits } from './bot-spec.ts';
import type { CodeStore } from './code/store.ts';
import { checkEntryPoint } from './code/entry-check.ts';
import type { Pass } from './converge.ts';
import { sameDesire, type Desired } from './desired.ts';
import { runtimeOf } from './entrypoints/index.ts';
import { planLaunch } from './entrypoints/plan.ts';
import { tarOf } from './entrypoints/tar.ts';
import type { LaunchPlan } from './entrypoints/types.ts';
import { StartProblem } from './errors.ts';
import type { ForeignContainers } from './foreign.ts';
import type { Images } from './images.ts';
import type { Semaphore } from './semaphore.ts';
import { sayingWhenSlow } from './slow-phase.ts';
import { ensureStateOwnership } from './state-volume.ts';
import { Superseded, whileWanted } from './wish-watch.ts';

type Wanted = Extract<Desired, { kind: 'run' }>;

/** `notes`: what its owner should know although it runs, such as a limit that was lowered. */
export type Started = { id: string; image: string; notes: readonly string[] };

/** Whether bots may start as the network is now; see `infra/engine/egress`. */
export type EgressGate = () => Promise<{ allowed: boolean; reason: string }>;

export type LauncherDeps = {
  engine: Engine;
  images: Images;
  code: Pick<CodeStore, 'ensure'>;
  foreign: ForeignContainers;
  egress: EgressGate;
  /** Rejects when the engine that answers is not the installation's own. */
  sameEngine: () => Promise<void>;
  /** Creates, starts and removals at once: an engine does less, not more, when asked for everything together. */
  slots: Semaphore;
  settings: Settings;
  /** Content of the file that `BOT_SECCOMP_PROFILE` names. */
  seccompProfile?: string;
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
    const { engine, foreign, slots } = this.#deps;
    const launch = this.#plan(desired);
    const limits = botLimits(desired.bot.config ?? {}, operatorLimits(this.#deps.settings));
    if (!limits.ok) throw new StartProblem('bad_limits', limits.problems.join('; '), { retryable: false });
    await this.#deps.sameEngine();
    await foreign.assertNone(pass.lock.botId);

    const since = pass.status.phase === 'starting' ? pass.status.since : pass.deps.clock.now();
    const saying = <T>(reason: string, step: () => Promise<T>): Promise<T> =>
      sayingWhenSlow(pass.lock, { phase: 'starting', reason, since }, step);
    const listening = { desired, read: pass.readDesired, everyMs: LISTEN_EVERY_MS, signal: pass.signal };

    await saying('Finding out whether the network of bots is filtered.', () =>
      whileWanted(listening, () => this.#assertEgress()),
    );
    const reference = runtimeOf(desired.bot.custom?.config?.runtime).image(this.#deps.settings);
    const image = await saying(`Getting the image ${reference}.`, () =>
      whileWanted(listening, (signal) => this.#deps.images.ensure(reference, signal)),
    );
    const code = await saying('Getting its code.', () =>
      whileWanted(listening, (signal) =>
        this.#deps.code.ensure({
          filePath: desired.bot.custom?.filePath ?? '',
          executablePaths: launch.executablePaths,
          image,
          signal,
        }),
      ),
    );
    checkEntryPoint(code.manifest, launch.entryFile, 'bot');

    const spec = botSpec({
      installation: engine.installation,
      botId: pass.lock.botId,
      launch,
      limits: limits.limits,
      image,
      codeVolume: { name: code.volume, labels: { [LABEL.code]: code.codeId } },
      settings: this.#deps.settings,
      ...(this.#deps.seccompProfile === undefined ? {} : { seccompProfile: this.#deps.seccompProfile }),
      labels: botLabels({
        botId: pass.lock.botId,
        entrypoint: launch.entryFile,
        runtime: String(desired.bot.custom?.config?.runtime),
        fingerprint: desired.fingerprint,
        token: pass.lock.token,
        code: code.codeId,
      }),
    });
    const id = await saying('Starting its container.', () =>
      slots.run(() => this.#createAndStart(pass, desired, spec, launch), pass.signal),
    );
    return { id, image: spec.image, notes: limits.notes };
  }

  #plan(desired: Wanted): LaunchPlan {
    const { bot } = desired;
    return planLaunch({
      botId: bot.id,
      botType: 'realtime',
      runtime: bot.custom?.config?.runtime,
      entrypoints: bot.custom?.config?.entrypoints,
      codeFile: bot.custom?.filePath,
      config: bot.config ?? {},
    });
  }

  async #assertEgress(): Promise<void> {
    const gate = await this.#deps.egress();
    if (!gate.allowed) throw new StartProblem('egress_unfiltered', gate.reason, { retryable: true });
  }

  async #createAndStart(
    pass: Pass,
    desired: Wanted,
    spec: ContainerSpec,
    launch: LaunchPlan,
  ): Promise<string> {
    const { engine } = this.#deps;
    const signal = pass.lock.lost;
    pass.lock.assertHeld();
    const id = await this.#create(spec, signal);
    try {
      await ensureStateOwnership(engine, { id, spec }, this.#deps.newId(), signal);
      await engine.writeArchive(id, '/the0/run', await tarOf(launch.files), { signal });
      // Create, then look again, and only then start: what was decided a moment ago may be wrong by now.
      const [now] = await Promise.all([pass.readDesired(), pass.lock.confirm()]);
      if (!sameDesire(desired, now)) throw new Superseded();
      pass.lock.assertHeld();
      await engine.start(id, { signal });
    } catch (error) {
      await this.#takeBack(pass, id);
      throw error;
    }
    return id;
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

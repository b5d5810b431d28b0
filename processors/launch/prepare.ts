import type { Settings } from '../../infra/config/settings.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { BotDocument } from '../../model/bots.ts';
import { LABEL } from '../../model/labels.ts';
import { botLimits, type BotLimits } from '../../model/limits.ts';
import { operatorLimits, type BotSpecSettings } from '../bot-spec.ts';
import { checkEntryPoint } from '../code/entry-check.ts';
import type { CodeStore } from '../code/store.ts';
import { runtimeOf } from '../entrypoints/index.ts';
import { planLaunch, type LaunchInput } from '../entrypoints/plan.ts';
import type { BotType, LaunchPlan } from '../entrypoints/types.ts';
import { StartProblem } from '../errors.ts';
import type { ForeignContainers } from '../foreign.ts';
import type { Images } from '../images.ts';
import { StartTiming } from '../start-timing.ts';

/** Whether bots may start as the network is now; see `infra/engine/egress`. */
export type EgressGate = () => Promise<{ allowed: boolean; reason: string }>;

/** What getting ready takes, for a long-lived bot and for a run alike. */
export type PrepareDeps = {
  engine: Engine;
  images: Images;
  code: Pick<CodeStore, 'ensure'>;
  foreign: ForeignContainers;
  egress: EgressGate;
  /** Rejects when the engine that answers is not the installation's own. */
  sameEngine: () => Promise<void>;
  settings: Settings;
  /** Content of the file that `BOT_SECCOMP_PROFILE` names. */
  seccompProfile?: string;
};

export type Preparation = {
  /** A schedule's document is one too. */
  bot: BotDocument;
  botType: BotType;
  /** Which of its programs, and how that is launched. Default: the bot itself. */
  program?: { role: 'bot' | 'query'; plan: (input: LaunchInput) => LaunchPlan };
  /**
   * Runs what may take long. `reason` says what goes on, for whoever asks why nothing starts; the caller listens for newer
   * wishes meanwhile, and aborts.
   */
  step: <T>(reason: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
  /** Takes down how long these last. */
  timing?: StartTiming;
};

/** All that the spec of a container needs, less what it is called. */
export type Prepared = {
  launch: LaunchPlan;
  limits: BotLimits;
  /** What its owner should know although it starts, such as a limit that was lowered. */
  notes: readonly string[];
  image: string;
  codeId: string;
  codeVolume: { name: string; labels: Readonly<Record<string, string>> };
  /** As the document names it. */
  runtime: string;
  settings: BotSpecSettings;
  seccompProfile?: string;
};

/**
 * Everything that stands before a container of a bot's code: how it is launched and with which limits, that this engine is
 * the right one and no other runtime runs it, that the network is filtered, the image and the code. Throws what
 * `describeFailure` reads, and leaves nothing behind.
 */
export async function prepare(
  deps: PrepareDeps,
  { bot, botType, program = BOT, step, timing = new StartTiming() }: Preparation,
): Promise<Prepared> {
  const { settings } = deps;
  const runtime = bot.custom?.config?.runtime;
  const launch = program.plan({
    botId: bot.id,
    botType,
    runtime,
    entrypoints: bot.custom?.config?.entrypoints,
    codeFile: bot.custom?.filePath,
    config: bot.config ?? {},
  });
  const limits = botLimits(bot.config ?? {}, operatorLimits(settings));
  if (!limits.ok) throw new StartProblem('bad_limits', limits.problems.join('; '), { retryable: false });
  await deps.sameEngine();
  await deps.foreign.assertNone(bot.id);

  // Image and code are got while the network is looked at; a network that is not to be used ends that at once.
  const refused = new AbortController();
  const filtered = assertEgress(deps.egress);
  filtered.catch((error: unknown) => refused.abort(error));
  const getting: Preparation['step'] = (reason, work) =>
    step(reason, (signal) => work(AbortSignal.any([signal, refused.signal])));

  const reference = runtimeOf(runtime).image(settings);
  const image = await timing.measure('image', () =>
    getting(`Getting the image ${reference}.`, (signal) => deps.images.ensure(reference, signal)),
  );
  const code = await timing.measure('code', () =>
    getting('Getting its code.', (signal) =>
      deps.code.ensure({
        filePath: bot.custom?.filePath ?? '',
        executablePaths: launch.executablePaths,
        image,
        signal,
      }),
    ),
  );
  checkEntryPoint(code.manifest, launch.entryFile, program.role);
  await step('Finding out whether the network of bots is filtered.', () => filtered);
  return {
    launch,
    limits: limits.limits,
    notes: limits.notes,
    image,
    codeId: code.codeId,
    codeVolume: { name: code.volume, labels: { [LABEL.code]: code.codeId } },
    runtime: String(runtime),
    settings,
    ...(deps.seccompProfile === undefined ? {} : { seccompProfile: deps.seccompProfile }),
  };
}

const BOT = { role: 'bot', plan: planLaunch } as const;

export async function assertEgress(egress: EgressGate): Promise<void> {
  const gate = await egress();
  if (!gate.allowed) throw new StartProblem('egress_unfiltered', gate.reason, { retryable: true });
}

import type { Settings } from '../../../infra/config/settings.ts';
import type { ContainerSpec } from '../../../infra/engine/port.ts';
import type { BotConfig } from '../../../model/bots.ts';
import { LABEL } from '../../../model/labels.ts';
import { botLimits } from '../../../model/limits.ts';
import { botSpec, operatorLimits } from '../../../processors/bot-spec.ts';
import { planLaunch } from '../../../processors/entrypoints/plan.ts';
import type { LaunchPlan } from '../../../processors/entrypoints/types.ts';
import { CliError } from '../../errors.ts';

/** `the0.kind` of all that the probe makes: no planner takes it for a bot, and a sweep knows whose it is. */
export const PROBE_KIND = 'probe';
export const PROBE_ID = 'doctor-probe-';
export const RUNTIME = 'python3.11';
const ENTRY = 'main.py';

export type ProbeBot = {
  installation: string;
  botId: string;
  config: BotConfig;
  image: string;
  codeVolume: string;
  settings: Settings;
  seccompProfile?: string;
};

/**
 * The container of a probe: a bot's, by the very function that makes those, but for its name, its kind and its labels,
 * by which nobody takes it for a bot whose owner has gone. Pure.
 */
export function probeSpec(bot: ProbeBot): { spec: ContainerSpec; launch: LaunchPlan } {
  const { installation, botId, config, image, settings } = bot;
  const limits = botLimits(config, operatorLimits(settings));
  if (!limits.ok) throw new CliError(`The probe cannot have its limits: ${limits.problems.join('; ')}`);
  const launch = planLaunch({
    botId,
    botType: 'realtime',
    runtime: RUNTIME,
    entrypoints: { bot: ENTRY },
    codeFile: 'the0/doctor-probe',
    config,
  });
  const spec = botSpec({
    installation,
    botId,
    launch,
    limits: limits.limits,
    image,
    codeVolume: { name: bot.codeVolume, labels: {} },
    labels: { [LABEL.id]: botId },
    settings,
    ...(bot.seccompProfile === undefined ? {} : { seccompProfile: bot.seccompProfile }),
  });
  return {
    launch,
    spec: {
      ...spec,
      name: `${installation}_probe_${botId}`,
      kind: PROBE_KIND,
      volumes: spec.volumes.map((volume) => ({
        ...volume,
        labels: { ...volume.labels, [LABEL.kind]: PROBE_KIND },
      })),
    },
  };
}

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  BotOrder as WireOrder,
  BotPhase,
  RolloutState,
  type BotFilter as WireFilter,
  type BotSchema,
  type ListBotsResponseSchema,
  type RolloutSchema,
} from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { ROLLOUT_STATES } from '../../../model/rollout.ts';
import { PHASES } from '../../../model/status.ts';
import type { BotFilter, PageOfBots } from '../bots/page.ts';
import type { RolloutView } from '../bots/rollouts.ts';
import type { BotOrder } from '../bots/rows.ts';
import type { BotView } from '../bots/view.ts';
import { InvalidRequest } from '../errors.ts';
import { noViewer, type TraceUrl } from '../trace-url.ts';
import { wishMessage } from './wish-message.ts';
import { lasting, stamp, wordsOf } from './wire.ts';

export const botPhases = wordsOf(PHASES, BotPhase);
export const rolloutStates = wordsOf(ROLLOUT_STATES, RolloutState);

const ORDERS: Readonly<Record<WireOrder, BotOrder>> = {
  [WireOrder.UNSPECIFIED]: 'trouble',
  [WireOrder.ID]: 'id',
  [WireOrder.NAME]: 'name',
  [WireOrder.SINCE]: 'since',
  [WireOrder.RESTARTS]: 'restarts',
};

export const botOrder = (order: WireOrder): BotOrder => ORDERS[order];

/** @throws InvalidRequest for a phase that is none: it must not pass for "all". */
export function botFilter(filter: WireFilter | undefined): BotFilter {
  const { phases = [], text = '', runtimes = [], held = false } = filter ?? {};
  const words = botPhases.words(phases);
  if (words.length < phases.length)
    throw new InvalidRequest(
      'filter.phases',
      'A phase is unspecified',
      `name phases of ${PHASES.join(', ')}, or none for all`,
    );
  return { phases: words, text, runtimes, held };
}

export function botMessage(view: BotView, traceUrl: TraceUrl = noViewer): MessageInitShape<typeof BotSchema> {
  const { lastExit: exit } = view;
  return {
    id: view.id,
    phase: botPhases.value(view.phase),
    reason: view.reason,
    since: stamp(view.since),
    restarts: view.restarts,
    lastExit:
      exit === null
        ? undefined
        : {
            at: stamp(exit.at),
            exitCode: exit.exitCode,
            signal: exit.signal ?? '',
            oomKilled: exit.oomKilled,
            up: lasting(exit.upSeconds * 1_000),
            container: exit.containerId,
            lastOutput: exit.lastOutput,
            requested: exit.requested,
          },
    nextAttempt: stamp(view.nextAttempt),
    image: view.image ?? '',
    container: view.container ?? '',
    enabled: view.enabled,
    hold: wishMessage(view.hold),
    name: view.name ?? '',
    runtime: view.runtime ?? '',
    version: view.version ?? '',
    failureCode: view.failureCode ?? '',
    startedAt: stamp(view.startedAt),
    consecutiveFailures: view.consecutiveFailures,
    updatedAt: stamp(view.updatedAt),
    restart: wishMessage(view.restart),
    type: view.type ?? '',
    traceId: view.traceId ?? '',
    traceUrl: traceUrl(view.traceId),
  };
}

const withoutOutput = (view: BotView): BotView =>
  view.lastExit === null ? view : { ...view, lastExit: { ...view.lastExit, lastOutput: [] } };

/** `brief`: without what each printed last. */
export const botsMessage = (
  { bots, nextToken, total, counts }: PageOfBots,
  { brief, traceUrl = noViewer }: { brief: boolean; traceUrl?: TraceUrl | undefined },
): MessageInitShape<typeof ListBotsResponseSchema> => ({
  bots: bots.map((bot) => botMessage(brief ? withoutOutput(bot) : bot, traceUrl)),
  nextToken,
  total,
  counts: PHASES.flatMap((phase) => {
    const count = counts.get(phase);
    return count === undefined ? [] : [{ phase: botPhases.value(phase), count }];
  }),
});

export const rolloutMessage = (rollout: RolloutView): MessageInitShape<typeof RolloutSchema> => ({
  id: rollout._id,
  state: rolloutStates.value(rollout.state),
  reason: rollout.reason,
  wish: wishMessage(rollout),
  atOnce: rollout.atOnce,
  bots: rollout.bots,
  restarted: rollout.restarted,
  skipped: rollout.skipped,
  current: rollout.current.map(({ botId }) => botId),
  failed: rollout.failed.map(({ botId, reason, ran }) => ({ id: botId, reason, ranBefore: ran })),
  updatedAt: stamp(rollout.updatedAt),
  endedAt: stamp(rollout.endedAt),
});

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { BotService, ExplanationSchema } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import type { Change } from '../../../proto/gen/the0/runtime/v1/common_pb.js';
import type { Asker } from '../arguments.ts';
import type { BotControl, Wished } from '../bots/control.ts';
import type { TraceUrl } from '../trace-url.ts';
import { botFilter, botMessage, botOrder, botsMessage, rolloutMessage } from './bot-messages.ts';
import { callerKey } from './caller.ts';

export type BotServiceDeps = {
  control: BotControl;
  /** Why a bot or a schedule is as it is. */
  explain: (id: string, signal: AbortSignal) => Promise<MessageInitShape<typeof ExplanationSchema>>;
  traceUrl?: TraceUrl;
};

export function botService({ control, explain, traceUrl }: BotServiceDeps): ServiceImpl<typeof BotService> {
  const wished = ({ bot, ...came }: Wished) => ({ bot: botMessage(bot, traceUrl), ...came });
  return {
    listBots: async ({ filter, order, page, brief }) => {
      const query = { filter: botFilter(filter), order: botOrder(order) };
      return botsMessage(await control.list(query, page ?? {}), { brief, traceUrl });
    },

    getBot: async ({ id }) => ({ bot: botMessage(await control.get(id), traceUrl) }),

    explainBot: async ({ id }, { signal }) => ({ explanation: await explain(id, signal) }),

    startBot: async (request, context) => wished(await control.start(wishOf(request, context))),

    stopBot: async (request, context) => wished(await control.hold(wishOf(request, context))),

    holdBot: async (request, context) => wished(await control.hold(wishOf(request, context))),

    releaseBot: async (request, context) => wished(await control.release(wishOf(request, context))),

    restartBot: async (request, context) => wished(await control.restart(wishOf(request, context))),

    restartBots: async ({ filter, atOnce, change }, context) => {
      const { bots, rollout } = await control.restartMany({
        ...askerOf(change, context),
        filter: botFilter(filter),
        atOnce: atOnce === 0 ? 1 : atOnce,
      });
      if (rollout === undefined) return { bots, outcome: 'No bot that is to run matches.' };
      const { _id: rolloutId, atOnce: each } = rollout;
      return { bots, rolloutId, outcome: `${bots} bots are restarted, ${each} at a time (${rolloutId}).` };
    },

    listRollouts: async ({ page }) => {
      const { rollouts, nextToken } = await control.rollouts(page ?? {});
      return { rollouts: rollouts.map(rolloutMessage), nextToken };
    },

    getRollout: async ({ id }) => ({ rollout: rolloutMessage(await control.rollout(id)) }),

    stopRollout: async ({ id, change }, context) => {
      const asker = askerOf(change, context);
      const { rollout, changed, outcome } = await control.stopRollout({ ...asker, rolloutId: id });
      return { rollout: rolloutMessage(rollout), changed, outcome };
    },
  };
}

const askerOf = (change: Change | undefined, { values }: HandlerContext): Asker => ({
  who: values.get(callerKey).name,
  why: change?.reason ?? '',
});

const wishOf = (
  { id, change }: { id: string; change?: Change | undefined },
  context: HandlerContext,
): Asker & { botId: string } => ({ botId: id, ...askerOf(change, context) });

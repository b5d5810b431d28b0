import type { Collections } from '../../../infra/mongo/collections.ts';
import type { Asker } from '../arguments.ts';
import { NotFound } from '../errors.ts';
import { Fleet } from './fleet.ts';
import { pageOfBots, type BotFilter, type PageOfBots } from './page.ts';
import { readBot } from './read.ts';
import type { BotOrder } from './rows.ts';
import {
  beginRollout,
  pageOfRollouts,
  readRollout,
  stopRollout,
  type RolloutBegun,
  type RolloutView,
} from './rollouts.ts';
import type { BotView } from './view.ts';
import { holdBot, releaseBot, restartBot, startBot, type WishOutcome, type WishRequest } from './wishes.ts';

export type BotControlDeps = {
  collections: Pick<Collections, 'bots' | 'schedules' | 'status' | 'holds' | 'restarts' | 'rollouts'>;
  /** The installation's time. */
  now: () => Date;
  newId: () => string;
};

type Page = { size?: number | undefined; token?: string | undefined };

/** What came of a wish, and the bot as it is at this moment: processors follow the wish after the answer. */
export type Wished = WishOutcome & { bot: BotView };

/**
 * What people, and programs for them, may ask of bots and do to them. Everything is a document of ours that the planner is
 * woken by, as by those of other writers: neither Redis nor the engine is needed. Everything throws `ControlError`s.
 */
export class BotControl {
  readonly #deps: BotControlDeps & { fleet: Fleet };
  constructor(deps: BotControlDeps) {
    this.#deps = { ...deps, fleet: new Fleet(deps.collections) };
  }

  list(query: { filter: BotFilter; order: BotOrder }, page: Page): Promise<PageOfBots> {
    const { fleet, collections: stores } = this.#deps;
    return pageOfBots({ fleet, stores }, query, page);
  }

  /** @throws NotFound */
  async get(botId: string): Promise<BotView> {
    const view = await readBot(this.#deps.collections, botId);
    if (view === undefined) throw new NotFound('bot', botId);
    return view;
  }

  start(request: WishRequest): Promise<Wished> {
    return this.#wished(request, startBot);
  }

  hold(request: WishRequest): Promise<Wished> {
    return this.#wished(request, holdBot);
  }

  release(request: WishRequest): Promise<Wished> {
    return this.#wished(request, releaseBot);
  }

  restart(request: WishRequest): Promise<Wished> {
    return this.#wished(request, restartBot);
  }

  restartMany(request: Asker & { filter: BotFilter; atOnce?: number }): Promise<RolloutBegun> {
    return beginRollout(this.#deps, request);
  }

  rollouts(page: Page): Promise<{ rollouts: RolloutView[]; nextToken: string }> {
    return pageOfRollouts(this.#deps, page);
  }

  rollout(rolloutId: string): Promise<RolloutView> {
    return readRollout(this.#deps, rolloutId);
  }

  stopRollout(
    request: Asker & { rolloutId: string },
  ): Promise<{ changed: boolean; outcome: string; rollout: RolloutView }> {
    return stopRollout(this.#deps, request);
  }

  async #wished(
    request: WishRequest,
    act: (deps: BotControlDeps, request: WishRequest) => Promise<WishOutcome>,
  ): Promise<Wished> {
    const outcome = await act(this.#deps, request);
    return { ...outcome, bot: await this.get(request.botId) };
  }
}

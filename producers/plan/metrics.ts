import { Gauge, type Registry } from 'prom-client';
import { TROUBLES, type Trouble } from '../../model/fleet.ts';
import { PHASES, type Phase } from '../../model/status.ts';

/** What a look at every bot saw. */
export type FleetSeen = { phases: ReadonlyMap<Phase, number>; troubled: readonly Trouble[] };

/** A fleet that is in trouble as a whole must not become as many series. */
const MAX_NAMED = 500;

/** The fleet as the planner sees it, told by the one process that plans. */
export class FleetMetrics {
  readonly #bots: Gauge<'phase'>;
  readonly #troubled: Gauge<'trouble'>;
  readonly #named: Gauge<'bot' | 'trouble'> | undefined;

  /** `nameBots`: one series for each bot in trouble, with its id. */
  constructor({ registry, nameBots }: { registry: Registry; nameBots: boolean }) {
    const registers = [registry];
    this.#bots = new Gauge({
      name: 'the0_bots',
      help: 'Bots by phase, at the last look at all of them; told by the process that plans',
      labelNames: ['phase'],
      registers,
    });
    this.#troubled = new Gauge({
      name: 'the0_bots_in_trouble',
      help: 'Bots that failed, crash again and again, or lack their state, at the last look at all of them',
      labelNames: ['trouble'],
      registers,
    });
    this.#named = nameBots
      ? new Gauge({
          name: 'the0_bot_in_trouble',
          help: `1 for each of the bots in trouble, ${MAX_NAMED} at most (METRICS_NAME_BOTS)`,
          labelNames: ['bot', 'trouble'],
          registers,
        })
      : undefined;
  }

  seen({ phases, troubled }: FleetSeen): void {
    for (const phase of PHASES) this.#bots.set({ phase }, phases.get(phase) ?? 0);
    for (const trouble of TROUBLES)
      this.#troubled.set({ trouble }, troubled.filter((bot) => bot.trouble === trouble).length);
    this.#named?.reset();
    for (const { botId, trouble } of troubled.slice(0, MAX_NAMED))
      this.#named?.set({ bot: botId, trouble }, 1);
  }

  /** Another process plans now, and tells. */
  forget(): void {
    for (const gauge of [this.#bots, this.#troubled, this.#named]) gauge?.reset();
  }
}

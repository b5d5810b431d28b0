import type { Collection } from 'mongodb';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import type { BotDocument } from '../../model/bots.ts';
import { LABEL } from '../../model/labels.ts';
import { stateVolumeName } from '../../model/names.ts';
import { isUp } from '../containers.ts';
import type { Listed, Allowances } from './watch-allowances.ts';

export type VolumesOptions = {
  engine: Engine;
  states: Collection<BotStateDocument>;
  bots: Collection<BotDocument>;
  schedules: Collection<BotDocument>;
  allowances: Allowances;
  /** One that the engine has, with a shell, for helpers on volumes. */
  image: (signal: AbortSignal) => Promise<string>;
};

/** Ids in one question to MongoDB. */
const AT_ONCE = 1_000;

/** Whose state is there, and what the engine, the listings and MongoDB say of it. */
export class StateVolumes {
  readonly #options: VolumesOptions;

  constructor(options: VolumesOptions) {
    this.#options = options;
  }

  /** What writes to state now: containers that are up, by the id of their bot or schedule. */
  async running(signal: AbortSignal): Promise<Map<string, ContainerView[]>> {
    const containers = await this.#options.engine.list({}, { signal });
    const up = containers.filter((container) => isUp(container) && (isBot(container) || isRun(container)));
    const byId = Map.groupBy(up, ({ labels }) => labels[LABEL.id] ?? '');
    byId.delete('');
    return byId;
  }

  /** Volumes that nothing writes to, of bots and schedules that exist. */
  async resting(signal: AbortSignal): Promise<string[]> {
    const { engine } = this.#options;
    const [running, volumes] = await Promise.all([this.running(signal), engine.listVolumes({}, { signal })]);
    const ids = volumes
      .map(({ name, labels }) => ({ name, id: labels[LABEL.id] ?? '' }))
      .filter(({ name, id }) => id !== '' && name === stateVolumeName(engine.installation, id))
      .map(({ id }) => id)
      .filter((id) => !running.has(id));
    const [bots, schedules] = await Promise.all([
      this.bots(ids),
      this.#existing(this.#options.schedules, ids),
    ]);
    return ids.filter((id) => bots.has(id) || schedules.has(id));
  }

  /** What is on the volumes of these; those that have none are left out. */
  async list(ids: readonly string[], signal: AbortSignal): Promise<Map<string, Listed>> {
    const { engine, allowances, image } = this.#options;
    if (ids.length === 0) return new Map();
    const idOf = new Map(ids.map((id) => [stateVolumeName(engine.installation, id), id]));
    const listed = await engine.listFiles([...idOf.keys()], {
      maxFiles: allowances.mostFiles,
      image: await image(signal),
      signal,
    });
    return new Map([...listed].map(([name, files]) => [idOf.get(name) ?? '', files]));
  }

  /** What is on record of these. */
  async known(ids: readonly string[]): Promise<BotStateDocument[]> {
    return this.#inChunks(ids, ($in) => this.#options.states.find({ _id: { $in } }).toArray());
  }

  /** Which of these are bots, not schedules. */
  bots(ids: readonly string[]): Promise<Set<string>> {
    return this.#existing(this.#options.bots, ids);
  }

  async #existing(documents: Collection<BotDocument>, ids: readonly string[]): Promise<Set<string>> {
    const found = await this.#inChunks(ids, ($in) =>
      documents.find({ id: { $in } }).project<Pick<BotDocument, 'id'>>({ _id: 0, id: 1 }).toArray(),
    );
    return new Set(found.map(({ id }) => id));
  }

  async #inChunks<T>(ids: readonly string[], ask: ($in: string[]) => Promise<T[]>): Promise<T[]> {
    const answers: T[] = [];
    for (let from = 0; from < ids.length; from += AT_ONCE)
      answers.push(...(await ask(ids.slice(from, from + AT_ONCE))));
    return answers;
  }
}

export const isBot = ({ labels }: Pick<ContainerView, 'labels'>): boolean => labels[LABEL.kind] === 'bot';
export const isRun = ({ labels }: Pick<ContainerView, 'labels'>): boolean => labels[LABEL.kind] === 'run';

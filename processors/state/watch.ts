import type { Collection } from 'mongodb';
import type { ContainerView } from '../../infra/engine/port.ts';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { slices } from '../../infra/slices.ts';
import { LABEL } from '../../model/labels.ts';
import type { Run } from '../../model/runs.ts';
import type { EnqueueData } from '../../queues/data-queues.ts';
import type { Enqueue } from '../../queues/queues.ts';
import type { BucketWatch } from './watch-bucket.ts';
import { listingFingerprint } from './manifest.ts';
import { lookAtChange, type Seen } from './watch-change.ts';
import type { Listed, Allowances } from './watch-allowances.ts';
import { isBot, isRun, type StateVolumes } from './watch-volumes.ts';

export type StateWatchOptions = {
  volumes: StateVolumes;
  states: Collection<BotStateDocument>;
  runs: Collection<Run>;
  allowances: Allowances;
  bucket: BucketWatch;
  saves: { add(items: readonly EnqueueData[]): Promise<void> };
  queues: { add(items: readonly Enqueue[]): Promise<void> };
  policy: { checkEveryMs: number; saveEveryMs: number; platformEveryMs: number };
  clock: { now: () => Date; monotonicMs: () => number };
  log: Logger;
};

/** Looked at together: each may be of many files. */
const LISTINGS = 20;

/** What rests changes no more: a save of it that was asked for and lost is found so late at most. */
const RESTING_EVERY_MS = 600_000;

/**
 * Looks at the state of what runs: measures it, has it saved when it changed, and finds out what the platform did to its
 * archives. One at a time for each installation, under a lease; what it remembers only saves work, so that any other one can
 * go on without it.
 */
export class StateWatch {
  readonly #options: StateWatchOptions;
  #seen: ReadonlyMap<string, Seen> = new Map();
  #seenResting: ReadonlyMap<string, Seen> = new Map();
  /** Ids whose excess the log has told of. */
  #told: ReadonlySet<string> = new Set();

  constructor(options: StateWatchOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { policy, bucket, log } = this.#options;
    const watch = (what: string, ms: number, work: () => Promise<void>): Promise<void> =>
      every(ms, signal, new OutageLog(log, `What it takes to look ${what}`), work);
    await Promise.all([
      watch('at the state of bots', policy.checkEveryMs, () => this.look(signal)),
      watch('for changes of state by the platform', policy.platformEveryMs, () => bucket.look(signal)),
      watch('at the state of bots that rest', RESTING_EVERY_MS, () => this.lookAtResting(signal)),
    ]);
  }

  /** Measures the volumes of what runs, and has those saved that changed. */
  async look(signal: AbortSignal): Promise<void> {
    const { volumes, allowances } = this.#options;
    const running = await volumes.running(signal);
    const listings = await volumes.list([...running.keys()], signal);
    const problems = await allowances.problems(listings);
    for (const [id, reason] of problems) await this.#stop(id, running.get(id) ?? [], reason);
    this.#told = new Set(problems.keys());
    const within = new Map([...listings].filter(([id]) => !problems.has(id)));
    this.#seen = await this.#save(within, this.#seen, 'its state changed');
  }

  /** Has those volumes saved that are at rest and were not saved, for whatever reason. */
  async lookAtResting(signal: AbortSignal): Promise<void> {
    const { volumes } = this.#options;
    const listings = await volumes.list(await volumes.resting(signal), signal);
    this.#seenResting = await this.#save(listings, this.#seenResting, 'its state is not saved');
  }

  /** Asks for saves of what changed, each once it is due. Gives what is to be remembered. */
  async #save(
    listings: ReadonlyMap<string, Listed>,
    before: ReadonlyMap<string, Seen>,
    cause: string,
  ): Promise<ReadonlyMap<string, Seen>> {
    const { volumes, policy, clock, saves } = this.#options;
    const prints: { id: string; listing: string }[] = [];
    for await (const some of slices([...listings], LISTINGS))
      for (const [id, { files }] of some) prints.push({ id, listing: listingFingerprint(files) });
    // What is as it was saved costs no question.
    const changed = prints.filter(({ id, listing }) => before.get(id)?.saved !== listing).map(({ id }) => id);
    const saved = new Map((await volumes.known(changed)).map((state) => [state._id, state.listing]));
    const atMs = clock.monotonicMs();
    const seen = new Map<string, Seen>();
    const due: string[] = [];
    for (const { id, listing } of prints) {
      const now = { listing, saved: saved.has(id) ? saved.get(id) : before.get(id)?.saved, atMs };
      const looked = lookAtChange(before.get(id), now, { saveEveryMs: policy.saveEveryMs });
      seen.set(id, looked.seen);
      if (looked.isDue) due.push(id);
    }
    if (due.length > 0) await saves.add(due.map((botId) => ({ queue: 'state-sync', job: { botId, cause } })));
    return seen;
  }

  /** Over its limit: on record first, so that nobody takes it for fine, and then it is stopped. */
  async #stop(id: string, containers: readonly ContainerView[], reason: string): Promise<void> {
    const { states, runs, clock, queues, log } = this.#options;
    const at = clock.now();
    await states.updateOne(
      { _id: id },
      { $set: { overLimit: { reason, at }, updatedAt: at } },
      { upsert: true },
    );
    if (!this.#told.has(id)) log.warn({ botId: id, reason }, 'A state is over its limit');
    if (containers.some(isBot))
      await queues.add([{ queue: 'stop', job: { botId: id, cause: reason }, urgency: 'event' }]);
    for (const { labels } of containers.filter(isRun))
      await runs.updateOne(
        { _id: labels[LABEL.run] ?? '', state: 'running', cancel: { $exists: false } },
        { $set: { cancel: { who: 'the runtime', why: reason, at } } },
      );
  }
}

/** Does something at an even pace; what fails is one line in the log, and tried again the next time. */
async function every(
  ms: number,
  signal: AbortSignal,
  outage: OutageLog,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
      outage.recovered();
    } catch (error) {
      if (!signal.aborted) outage.failed(error);
    }
    await pause(ms, signal);
  }
}

import { ObjectId } from 'mongodb';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import type { UsageSample } from '../../infra/mongo/usage-documents.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { slices } from '../../infra/slices.ts';
import { LABEL } from '../../model/labels.ts';
import { isCounted, samplesOf, totalOf, type Look } from './rates.ts';
import { rollUp, type UsageStores } from './roll-up.ts';

export type UsageSamplerDeps = {
  engine: Engine;
  stores: UsageStores;
  everyMs: number;
  /** The installation's time, and one that never jumps. */
  clock: { now: () => Date; monotonicMs: () => number };
  log: Logger;
};

/** Measures what everything that runs uses, at an even pace. One at a time for each installation, under a lease. */
export class UsageSampler {
  readonly #deps: UsageSamplerDeps;
  #last: Look | undefined;
  #host: { cores: number; memoryBytes: number } | undefined;

  constructor(deps: UsageSamplerDeps) {
    this.#deps = deps;
  }

  /** Another one may have measured meanwhile: what was seen last is of long ago. */
  forget(): void {
    this.#last = undefined;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, clock, log } = this.#deps;
    const outage = new OutageLog(log, 'What it takes to measure what bots use');
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs();
      try {
        await this.measure(signal);
        outage.recovered();
      } catch (error) {
        if (!signal.aborted) outage.failed(error);
      }
      await pause(Math.max(0, everyMs - (clock.monotonicMs() - beganMs)), signal);
    }
  }

  /** One round. The first one only looks: what is used shows between two. */
  async measure(signal: AbortSignal): Promise<void> {
    const { engine, stores, everyMs, clock } = this.#deps;
    const before = this.#last;
    // If anything below fails, what is seen next is compared with nothing, rather than with long ago.
    this.#last = undefined;
    const at = clock.now();
    const containers = (await engine.list({}, { signal })).filter(isCounted);
    const ids = containers.map(({ id }) => id);
    const readings = await engine.usage(ids, { signal });
    const now: Look = { readings, unread: new Set(ids.filter((id) => !readings.has(id))) };
    this.#host ??= await this.#askHost(signal);
    if (before !== undefined)
      await stores.usageRounds.insertOne({
        _id: new ObjectId(),
        at,
        everyMs,
        host: this.#host,
        samples: await samplesBetween(containers, before, now),
      });
    this.#last = now;
    await rollUp(stores, clock.now());
  }

  async #askHost(signal: AbortSignal): Promise<{ cores: number; memoryBytes: number }> {
    const { engine } = this.#deps;
    const [{ cpus: cores }, { memoryBytes }] = await Promise.all([
      engine.capabilities({ signal }),
      engine.hostFacts({ signal }),
    ]);
    return { cores, memoryBytes };
  }
}

async function samplesBetween(
  containers: readonly ContainerView[],
  before: Look,
  now: Look,
): Promise<UsageSample[]> {
  const bySubject = [...Map.groupBy(containers, ({ labels }) => labels[LABEL.id]).values()];
  const samples: UsageSample[] = [];
  for await (const some of slices(bySubject)) samples.push(...samplesOf(some.flat(), before, now));
  return [...samples, totalOf(samples)];
}

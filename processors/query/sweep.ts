import type { ContainerView } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { QueryContainerDocument } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { LABEL } from '../../model/labels.ts';
import {
  botOfQueryNetwork,
  ownQueryNetwork,
  queryLaunchVolumeName,
  sharedQueryNetwork,
} from '../../model/names.ts';
import type { QueryContext } from './context.ts';
import { discard } from './make.ts';
import { QUERY_LAUNCH_VOLUME } from './query-spec.ts';

/** A container that nobody claims may be one that is just being made; sweeps see it so long before it goes. */
const UNCLAIMED_MS = 2 * 60_000;
const LONGEST_SWEEP_EVERY_MS = 15_000;

export type SweptQueries = { containers: number; volumes: number; networks: number };

/**
 * Stops query containers that nobody asks any more, and takes away what jobs that were cut off left. Safe to run at any
 * time, twice at once too: whoever asks a container that is just going is given another.
 */
export class QuerySweep {
  readonly #context: QueryContext;
  readonly #monotonicMs: () => number;
  /** When an unclaimed container, or a network without one, was first seen. */
  readonly #seen = new Map<string, number>();

  constructor(context: QueryContext, options: { monotonicMs?: () => number } = {}) {
    this.#context = context;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  async sweep(): Promise<SweptQueries> {
    const { launching, records } = this.#context;
    const { engine } = launching;
    // In this order: a container that gets its document between the two reads is not taken for one without.
    const containers = await engine.list({ labels: { [LABEL.kind]: 'query' } });
    const documents = new Map((await records.containers()).map((document) => [document._id, document]));
    const going: ContainerView[] = [];
    for (const container of containers)
      if (await this.#isDone(container, documents.get(container.labels[LABEL.id] ?? '')))
        going.push(container);
    for (const container of going) await this.#discard(container);
    await this.#forgetIdle(documents);
    const gone = new Set(going.map(({ id }) => id));
    const staying = containers.filter(({ id }) => !gone.has(id));
    const volumes = await this.#sweepVolumes(staying);
    const networks = await this.#sweepNetworks(staying, documents);
    await this.#renewFilter();
    this.#forgetSeen(new Set([...staying.map(({ id }) => id), ...(await engine.listInternalNetworks())]));
    return { containers: going.length, volumes, networks };
  }

  async #isDone(container: ContainerView, document: QueryContainerDocument | undefined): Promise<boolean> {
    const { records, launching } = this.#context;
    if (container.labels[LABEL.request] !== undefined)
      return this.#longSeen(container.id, launching.settings.QUERY_MAX_TIMEOUT + UNCLAIMED_MS);
    if (document?.containerId !== container.id) return this.#longSeen(container.id, UNCLAIMED_MS);
    // Forgotten first: whoever asks in this moment is told to wait for another.
    return this.#isIdle(document) && records.forget(document);
  }

  #isIdle({ usedAt }: QueryContainerDocument): boolean {
    return this.#context.now() - usedAt.getTime() > this.#context.launching.settings.QUERY_IDLE;
  }

  #longSeen(key: string, ms: number): boolean {
    const now = this.#monotonicMs();
    const first = this.#seen.get(key) ?? now;
    this.#seen.set(key, first);
    return now - first >= ms;
  }

  #forgetSeen(present: ReadonlySet<string>): void {
    for (const key of this.#seen.keys()) if (!present.has(key)) this.#seen.delete(key);
  }

  async #discard({ id, labels }: ContainerView): Promise<void> {
    const { installation } = this.#context.launching.engine;
    const botId = labels[LABEL.id] ?? '';
    await discard(this.#context, {
      id,
      launchVolume: queryLaunchVolumeName(installation, botId, labels[LABEL.request]),
    });
  }

  /** What is known of bots without a container: that their programs do not serve, or why there is none. */
  async #forgetIdle(documents: ReadonlyMap<string, QueryContainerDocument>): Promise<void> {
    for (const document of documents.values())
      if (document.containerId === undefined && this.#isIdle(document))
        await this.#context.records.forget(document);
  }

  async #sweepVolumes(staying: readonly ContainerView[]): Promise<number> {
    const { engine } = this.#context.launching;
    const used = new Set(
      staying.map(({ labels }) =>
        queryLaunchVolumeName(engine.installation, labels[LABEL.id] ?? '', labels[LABEL.request]),
      ),
    );
    let count = 0;
    for (const { name } of await engine.listVolumes({ [LABEL.kind]: QUERY_LAUNCH_VOLUME }))
      if (!used.has(name) && this.#longSeen(name, 0) && (await engine.removeVolume(name))) count += 1;
    return count;
  }

  /** A network goes once its bot has no container, and none has been asked for. */
  async #sweepNetworks(
    staying: readonly ContainerView[],
    documents: ReadonlyMap<string, QueryContainerDocument>,
  ): Promise<number> {
    const { engine } = this.#context.launching;
    const { installation } = engine;
    const used = new Set(
      [...documents.keys(), ...staying.map(({ labels }) => labels[LABEL.id] ?? '')].map((botId) =>
        ownQueryNetwork(installation, botId),
      ),
    );
    let count = 0;
    for (const name of await engine.listInternalNetworks()) {
      if (botOfQueryNetwork(installation, name) === undefined || used.has(name)) continue;
      if (this.#longSeen(name, UNCLAIMED_MS) && (await engine.removeInternalNetwork(name))) count += 1;
    }
    return count;
  }

  /** Other software may flush the rules under containers that run. */
  async #renewFilter(): Promise<void> {
    const { engine } = this.#context.launching;
    const name = sharedQueryNetwork(engine.installation);
    if (!(await engine.listInternalNetworks()).includes(name)) return;
    const { bridge } = await engine.ensureInternalNetwork(name, { shared: true });
    await this.#context.close(bridge);
  }
}

/** Sweeps now and then until the signal aborts; a sweep that fails is one line in the log and another try next time. */
export async function sweepQueriesPeriodically(context: QueryContext, signal: AbortSignal): Promise<void> {
  const { log, launching } = context;
  const sweep = new QuerySweep(context);
  const everyMs = Math.max(250, Math.min(LONGEST_SWEEP_EVERY_MS, launching.settings.QUERY_IDLE / 4));
  for (;;) {
    await pause(everyMs, signal);
    if (signal.aborted) return;
    try {
      const swept = await sweep.sweep();
      if (swept.containers + swept.volumes + swept.networks > 0)
        log.info(swept, 'Idle query containers stopped');
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'Idle query containers could not be stopped');
    }
  }
}

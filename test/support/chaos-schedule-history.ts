import { type FakeEngine, type FakeHost, type LedgerEntry } from '../../infra/engine/fake/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { runContainerName } from '../../model/names.ts';
import type { RunHistory } from './chaos-schedule-ledger.ts';

/** What happened to runs' containers so far; `stop` resolves with all of it, in the engine's order. */
export type HistoryWatch = { stop(): Promise<RunHistory[]> };

const READ_EVERY_MS = 2_000;

/**
 * Makes containers of runs end by themselves, as programs do that have done their work; `exitCode` is asked for each.
 * Bots and everything else run on. Returns how to end that.
 */
export function endRunsByThemselves(
  host: FakeHost,
  options: { minMs: number; maxMs: number; random: () => number; exitCode?: (scheduleId: string) => number },
): () => void {
  const { minMs, maxMs, random, exitCode = () => 0 } = options;
  return host.events.listen(undefined, ({ type, containerId, labels }) => {
    if (type !== 'started' || labels[LABEL.kind] !== 'run') return;
    const container = host.require(containerId);
    container.later(minMs + random() * (maxMs - minMs), () =>
      host.end(container, exitCode(labels[LABEL.id] ?? '')),
    );
  });
}

/** Read bit by bit: all at once would be hundreds of megabytes after some minutes. */
export function watchFakeRuns(engine: FakeEngine): HistoryWatch {
  const history: RunHistory[] = [];
  let sequence = 0;
  let reading: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    const entries = await engine.control.ledger(sequence);
    sequence += entries.length;
    history.push(...runHistoryOf(engine.installation, entries));
  };
  const timer = setInterval(() => {
    // One that fails is made good by the next: the sequence has not moved.
    reading = reading.then(read).catch(() => undefined);
  }, READ_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await reading;
      await read();
      return history;
    },
  };
}

/** The runs' part of a fake engine's ledger. Pure. */
export function runHistoryOf(installation: string, entries: readonly LedgerEntry[]): RunHistory[] {
  return entries.flatMap((entry) => {
    const { type, name, botId: scheduleId, containerId, atMs, exitCode } = entry;
    const prefix = runContainerName(installation, `${scheduleId}@`);
    if (entry.installation !== installation || !name.startsWith(prefix)) return [];
    if (type !== 'started' && type !== 'ended') return [];
    const runId = `${scheduleId}@${name.slice(prefix.length)}`;
    return [{ type, scheduleId, runId, containerId, atMs, ...(exitCode === undefined ? {} : { exitCode }) }];
  });
}

/** The same from the events of a real engine. */
export function watchEngineRuns(engine: Engine): HistoryWatch {
  const history: RunHistory[] = [];
  const ending = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const event of engine.events({ signal: ending.signal })) {
      const { type, containerId, labels, atMs, exitCode } = event;
      const scheduleId = labels[LABEL.id];
      const runId = labels[LABEL.run];
      if (labels[LABEL.kind] !== 'run' || scheduleId === undefined || runId === undefined) continue;
      if (type === 'started') history.push({ type, scheduleId, runId, containerId, atMs });
      if (type === 'died')
        history.push({
          type: 'ended',
          scheduleId,
          runId,
          containerId,
          atMs,
          ...(exitCode === undefined ? {} : { exitCode }),
        });
    }
  };
  const following = follow();
  // Heard of in stop(): until then it is nobody's unhandled rejection.
  following.catch(() => undefined);
  return {
    async stop() {
      ending.abort();
      await following;
      return history;
    },
  };
}

import { LABEL } from '../../../model/labels.ts';
import { EngineUnavailable } from '../errors.ts';
import type { Engine, EngineEvent } from '../port.ts';
import type { EventMessage } from './api.ts';
import type { DockerContext } from './context.ts';
import { plainRefusal } from './failures.ts';
import { jsonLines } from './json-lines.ts';

const ACTIONS: Readonly<Record<string, EngineEvent['type']>> = {
  create: 'created',
  start: 'started',
  die: 'died',
  oom: 'oom',
  destroy: 'removed',
};
/** What Docker mixes with the labels. */
const NOT_LABELS = new Set(['name', 'image', 'exitCode', 'execDuration', 'signal']);
const INEXACT_NS = 256;
const LISTENING = 'listen to events';
/** The engine may hand an event to the second request before it hands it to the first. */
const STALL_TOLERANCE_MS = 2_000;

/**
 * Docker replays at most its last 256 events (of everything on the host) after `since`: whoever was away for longer
 * needs a resync as well. Events at the very millisecond of `sinceMs` come again.
 */
export function eventCalls(context: DockerContext, stallCheckMs: number): Pick<Engine, 'events'> {
  const { client, installation } = context;
  const filters = JSON.stringify({
    type: ['container'],
    event: Object.keys(ACTIONS),
    label: [`${LABEL.installation}=${installation}`],
  });

  async function* events(options: { sinceMs?: number; signal: AbortSignal }): AsyncGenerator<EngineEvent> {
    const { signal } = options;
    if (signal.aborted) return;
    const broken = new AbortController();
    const onAbort = () => broken.abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    let lastAtMs = options.sinceMs ?? Date.now();
    const watch = watchForStall(
      stallCheckMs,
      async () => {
        const before = lastAtMs;
        const newest = await newestEventAt(before);
        if (newest !== undefined && newest > before + STALL_TOLERANCE_MS && lastAtMs === before)
          throw new EngineUnavailable(
            'The container engine has events that its event stream does not deliver',
          );
      },
      (error) => broken.abort(error),
    );
    try {
      const stream = await client.stream({
        method: 'GET',
        path: '/events',
        query: { filters, ...(options.sinceMs === undefined ? {} : { since: toSeconds(options.sinceMs) }) },
        doing: LISTENING,
        signal: broken.signal,
      });
      for await (const line of jsonLines<EventMessage>(stream)) {
        watch.heard();
        const event = toEvent(line);
        if (event === undefined) continue;
        lastAtMs = Math.max(lastAtMs, event.atMs);
        yield event;
      }
      throw new EngineUnavailable('The container engine ended its event stream');
    } catch (error) {
      if (signal.aborted) return;
      throw broken.signal.aborted
        ? broken.signal.reason
        : client.brokenStream(plainRefusal(error), LISTENING);
    } finally {
      watch.stop();
      signal.removeEventListener('abort', onAbort);
      broken.abort();
    }
  }

  /** Asks anew what the open stream should have delivered; fails where the engine is away. */
  async function newestEventAt(sinceMs: number): Promise<number | undefined> {
    const stream = await client.stream({
      method: 'GET',
      path: '/events',
      query: { filters, since: toSeconds(sinceMs), until: toSeconds(Date.now()) },
      doing: LISTENING,
    });
    let newest: number | undefined;
    for await (const line of jsonLines<EventMessage>(stream)) newest = toEvent(line)?.atMs ?? newest;
    return newest;
  }

  return { events };
}

export function toEvent(event: EventMessage): EngineEvent | undefined {
  const type = ACTIONS[event.Action ?? ''];
  const containerId = event.Actor?.ID;
  if (type === undefined || containerId === undefined || event.Type !== 'container') return undefined;
  const attributes = event.Actor?.Attributes ?? {};
  const exitCode = type === 'died' ? Number(attributes['exitCode']) : Number.NaN;
  return {
    type,
    containerId,
    labels: Object.fromEntries(Object.entries(attributes).filter(([key]) => !NOT_LABELS.has(key))),
    ...(Number.isInteger(exitCode) ? { exitCode } : {}),
    // Rounded down, so that `sinceMs` of a known event never skips one that came in the same millisecond: also
    // by what JSON's numbers are inexact at this size.
    atMs: Math.floor(((event.timeNano ?? 0) - INEXACT_NS) / 1e6),
  };
}

/** A half-open connection delivers nothing and never ends: after each quiet period `check` is run. */
function watchForStall(quietMs: number, check: () => Promise<void>, onBroken: (error: unknown) => void) {
  let stopped = false;
  const timer = setTimeout(() => {
    check().then(
      () => {
        if (!stopped) timer.refresh();
      },
      (error: unknown) => {
        if (!stopped) onBroken(error);
      },
    );
  }, quietMs).unref();
  return {
    heard: () => void timer.refresh(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Docker's time parameter: seconds with nine decimals. */
export function toSeconds(ms: number): string {
  const micros = Math.max(0, Math.floor(ms * 1000));
  return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}000`;
}

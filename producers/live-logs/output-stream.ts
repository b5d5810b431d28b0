import { ContainerMissing } from '../../infra/engine/errors.ts';
import type { Engine, LogLine } from '../../infra/engine/port.ts';
import type { LogPosition } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { MARKS } from './marks.ts';
import { advance, newestTime, rereadFrom, isBefore, Told } from './position.ts';

/** Where to begin with a container. */
export type Beginning =
  /** It was started before our eyes: everything is new. */
  | { kind: 'fresh' }
  /** Nobody ever told anything of it: its output, or if there is much, the last of it and a line that says so. */
  | { kind: 'unknown' }
  /** Told up to here; not `settled`: perhaps a little further. */
  | { kind: 'position'; position: LogPosition; settled: boolean };

export type OutputHandler = {
  /** One entry, each once and in order, with the position after it. The next one waits for what is answered. */
  onEntry(entry: LogLine, position: LogPosition): Promise<void> | undefined;
  onMark(text: string): void;
  onBroken(error: unknown): void;
  onWorking(): void;
};

/** What is shown of a container whose earlier output nobody told. */
const UNKNOWN_TAIL = 1_000;
/** Where the position of a stream that broke is looked for first. */
const REREAD_TAIL = 1_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** A step back of the engine's clock by more than what entries may be out of order by. */
const STEP_BACK_MS = 2_000;

/** The output of one container, entry by entry, however often the stream breaks and the container is started again. */
export class OutputStream {
  readonly #engine: Pick<Engine, 'logs' | 'inspect'>;
  readonly #containerId: string;
  readonly #handler: OutputHandler;
  readonly #now: () => number;
  #position: LogPosition;
  #tail: number | undefined;
  /** Said before the first entry, if that is older than this stream. */
  #first: { text: string; beforeMs: number } | undefined;
  #newest = '';
  #again = false;
  readonly #mayBeUnread: boolean;

  constructor(options: {
    engine: Pick<Engine, 'logs' | 'inspect'>;
    containerId: string;
    beginning: Beginning;
    handler: OutputHandler;
    now: () => number;
  }) {
    const { beginning } = options;
    this.#engine = options.engine;
    this.#containerId = options.containerId;
    this.#handler = options.handler;
    this.#now = options.now;
    this.#mayBeUnread = beginning.kind !== 'fresh';
    this.#position = beginning.kind === 'position' ? beginning.position : {};
    this.#tail = beginning.kind === 'unknown' ? UNKNOWN_TAIL : undefined;
    if (beginning.kind === 'position' && !beginning.settled)
      this.#first = { text: MARKS.mayRepeat, beforeMs: this.#now() };
  }

  get position(): LogPosition {
    return this.#position;
  }

  /** It was started once more: once its stream has ended, look again. */
  startedAgain(): void {
    this.#again = true;
  }

  /** Until the container has ended and all of its output is told, it is gone, or `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    // Of one that is started before our eyes, nothing is left unread yet.
    let mayBeUnread = this.#mayBeUnread;
    while (!signal.aborted) {
      this.#again = false;
      try {
        const heard = await this.#read(signal);
        this.#handler.onWorking();
        if (heard) pauseMs = FIRST_PAUSE_MS;
        if (!this.#again && !(await this.#isUp(signal)) && !this.#again) return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ContainerMissing) {
          if (mayBeUnread) this.#handler.onMark(MARKS.goneUnread);
          return;
        }
        this.#handler.onBroken(error);
      }
      mayBeUnread = true;
      await pause(pauseMs, signal);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }

  async #read(signal: AbortSignal): Promise<boolean> {
    if (this.#clockWentBack()) this.#handler.onMark(MARKS.clockWentBack);
    const since = rereadFrom(this.#position);
    if (since === undefined) return (await this.#readFrom(await this.#fromTail(signal), signal)) ?? false;
    // The engine finds its last entries at once; for a time, it looks through all it has.
    return (
      (await this.#readFrom({ tail: REREAD_TAIL }, signal, { mustReachBack: true })) ??
      (await this.#readFrom({ since }, signal)) ??
      false
    );
  }

  /** Whether something new was heard. Undefined: these last entries do not reach back to the position. */
  async #readFrom(
    from: { since?: string; tail?: number },
    signal: AbortSignal,
    { mustReachBack = false } = {},
  ): Promise<boolean | undefined> {
    const begin = this.#position;
    const told = new Told(begin);
    let reachesBack = !mustReachBack;
    let heard = false;
    for await (const entry of this.#engine.logs(this.#containerId, { ...from, follow: true, signal })) {
      reachesBack ||= isBefore(entry, begin);
      if (!reachesBack) return undefined;
      if (!told.isNew(entry)) continue;
      if (!heard) this.#handler.onWorking();
      heard = true;
      this.#sayFirst(entry);
      this.#position = advance(this.#position, entry);
      if (entry.time > this.#newest) this.#newest = entry.time;
      const wait = this.#handler.onEntry(entry, this.#position);
      if (wait !== undefined) await wait;
    }
    return heard;
  }

  async #fromTail(signal: AbortSignal): Promise<{ tail?: number }> {
    if (this.#tail === undefined) return {};
    let count = 0;
    for await (const _entry of this.#engine.logs(this.#containerId, { tail: this.#tail + 1, signal }))
      count += 1;
    if (count <= this.#tail) return {};
    this.#handler.onMark(MARKS.olderElsewhere);
    return { tail: this.#tail };
  }

  #sayFirst({ time }: LogLine): void {
    if (this.#first === undefined) return;
    const { text, beforeMs } = this.#first;
    this.#first = undefined;
    if (Date.parse(time) < beforeMs) this.#handler.onMark(text);
  }

  #clockWentBack(): boolean {
    const last = newestTime(this.#position);
    return last !== undefined && Date.parse(last) < Date.parse(this.#newest) - STEP_BACK_MS;
  }

  async #isUp(signal: AbortSignal): Promise<boolean> {
    const state = (await this.#engine.inspect(this.#containerId, { signal }))?.state;
    return state === 'running' || state === 'paused' || state === 'restarting';
  }
}

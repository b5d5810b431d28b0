import { setTimeout as sleep } from 'node:timers/promises';
import { requireContainerId } from '../ids.ts';
import { secondsOfLogTime, toLogTime } from '../log-time.ts';
import type { Engine, LogLine } from '../port.ts';
import type { DockerContext } from './context.ts';
import { type Frame, FrameSplitter } from './demux.ts';
import { ContainerMissing, EngineUnavailable } from '../errors.ts';
import { DockerRefusal, refusalOf } from './failures.ts';
import { toSeconds } from './events.ts';

type LogOptions = Parameters<Engine['logs']>[1];

const READING = 'read the output of a container';
/** How long output may still come once the container has ended. */
const SETTLE_MS = 1_000;

/** Following ends with the container: Docker's own stream sometimes does not, so the container's end is waited for as well. */
export function logCalls(context: DockerContext, wait: Engine['wait']): Pick<Engine, 'logs'> {
  const { client } = context;

  async function* logs(id: string, options: LogOptions): AsyncGenerator<LogLine> {
    requireContainerId(id);
    options.signal?.throwIfAborted();
    const ended = new AbortController();
    const stop = new AbortController();
    const onAbort = () => stop.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort);
    // While the reader is busy with an entry nothing is read, which does not mean that nothing is left.
    let lastAt: number | 'busy' = performance.now();
    try {
      const stream = await client.stream({
        method: 'GET',
        path: `/containers/${id}/logs`,
        query: {
          stdout: true,
          stderr: true,
          timestamps: true,
          follow: options.follow === true,
          tail: options.tail === undefined ? 'all' : options.tail,
          ...since(options),
        },
        doing: READING,
        signal: stop.signal,
      });
      const idleMs = (): number => (lastAt === 'busy' ? 0 : performance.now() - lastAt);
      if (options.follow === true) void endWithContainer(id, ended, stop, idleMs);
      const splitter = new FrameSplitter();
      for await (const chunk of stream) {
        lastAt = 'busy';
        for (const frame of splitter.push(chunk as Buffer)) yield toEntry(frame);
        lastAt = performance.now();
      }
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      if (stop.signal.aborted && stop.signal.reason === ENDED) return;
      const refusal = isGoing(error) ? new ContainerMissing(id, { cause: error }) : refusalOf(error, id);
      throw refusal === error ? client.brokenStream(error, READING) : refusal;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
      ended.abort();
      stop.abort();
    }
  }

  async function endWithContainer(
    id: string,
    ended: AbortController,
    stop: AbortController,
    idleMs: () => number,
  ) {
    try {
      await untilEnded(id, ended.signal);
      while (idleMs() < SETTLE_MS)
        await sleep(SETTLE_MS / 4, undefined, { signal: ended.signal, ref: false });
    } catch {
      // The container is gone, or the reader has left: a stream that breaks says so itself.
    }
    stop.abort(ENDED);
  }

  /** An engine that is away says nothing of the container's end. */
  async function untilEnded(id: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await wait(id, { signal });
        return;
      } catch (error) {
        if (!(error instanceof EngineUnavailable)) throw error;
        await sleep(SETTLE_MS / 4, undefined, { signal, ref: false });
      }
    }
  }

  return { logs };
}

const ENDED = new Error('the container has ended');
/** A time with its zone and a blank is shorter. */
const LONGEST_TIME = 40;

function since({ sinceMs, since: time }: LogOptions): { since?: string } {
  if (time !== undefined) return { since: secondsOfLogTime(time) };
  return sinceMs === undefined ? {} : { since: toSeconds(sinceMs) };
}

/** Takes the time off that the engine writes before each entry, also before each part of one that it has cut. */
export function toEntry({ stream, data }: Frame): LogLine {
  const blank = data.subarray(0, LONGEST_TIME).indexOf(' ');
  const time = blank < 0 ? undefined : toLogTime(data.toString('latin1', 0, blank));
  if (time === undefined)
    throw new Error(
      `Not an entry with its time: it begins with ${JSON.stringify(data.toString('latin1', 0, LONGEST_TIME))}`,
    );
  return { stream, time, data: data.subarray(blank + 1) };
}

/** Its files may be deleted already, so nothing of it is to be had any more, though `inspect` still shows it for a moment. */
const isGoing = (error: unknown): boolean =>
  error instanceof DockerRefusal && /dead or marked for removal/.test(error.detail);

import { setTimeout as sleep } from 'node:timers/promises';
import { requireContainerId } from '../ids.ts';
import type { Engine, LogLine } from '../port.ts';
import type { DockerContext } from './context.ts';
import { FrameSplitter } from './demux.ts';
import { refusalOf } from './failures.ts';
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
    let lastAt = performance.now();
    try {
      const stream = await client.stream({
        method: 'GET',
        path: `/containers/${id}/logs`,
        query: {
          stdout: true,
          stderr: true,
          follow: options.follow === true,
          tail: options.tail === undefined ? 'all' : options.tail,
          ...(options.sinceMs === undefined ? {} : { since: toSeconds(options.sinceMs) }),
        },
        doing: READING,
        signal: stop.signal,
      });
      if (options.follow === true) void endWithContainer(id, ended, stop, () => lastAt);
      const splitter = new FrameSplitter();
      for await (const chunk of stream) {
        lastAt = performance.now();
        yield* splitter.push(chunk as Buffer);
      }
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      if (stop.signal.aborted && stop.signal.reason === ENDED) return;
      const refusal = refusalOf(error, id);
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
    lastAt: () => number,
  ) {
    try {
      await wait(id, { signal: ended.signal });
      while (performance.now() - lastAt() < SETTLE_MS)
        await sleep(SETTLE_MS / 4, undefined, { signal: ended.signal, ref: false });
    } catch {
      // The container is gone, or the reader has left: a stream that breaks says so itself.
    }
    stop.abort(ENDED);
  }

  return { logs };
}

const ENDED = new Error('the container has ended');

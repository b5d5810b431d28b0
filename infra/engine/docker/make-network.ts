import { setTimeout as sleep } from 'node:timers/promises';
import { EngineFailed, EngineRefused } from '../errors.ts';
import { DockerRefusal, plainRefusal } from './failures.ts';

/** Long enough for an engine under load, whose every network costs dozens of calls to iptables. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** One that is gone as soon as it is made, so many times. */
const MOST_MADE = 3;

/** Docker's words where somebody else has, or is just making, a network of this name, this bridge, or these addresses. */
const MADE_BY_OTHERS =
  /already exists|(?<!non-)overlap|already in use|same bridge name|conflicts with network/i;

type Steps<T> = {
  name: string;
  find: () => Promise<T | undefined>;
  /** `lost`: how often others were faster, so that it can try other addresses. */
  make: (lost: number) => Promise<unknown>;
  signal?: AbortSignal | undefined;
  patienceMs?: number;
};

/**
 * Finds a network or makes it, however many do so at the same moment. What another is making is refused to us before it is
 * listed, and for as long as that takes: so it waits between its looks.
 */
export async function findOrMake<T>({
  name,
  find,
  make,
  signal,
  patienceMs = PATIENCE_MS,
}: Steps<T>): Promise<T> {
  let waited = 0;
  let made = 0;
  for (let lost = 0; ; lost += 1) {
    const existing = await find();
    if (existing !== undefined) return existing;
    if (made === MOST_MADE)
      throw new EngineRefused(
        `The network ${name} was removed as soon as it was created: something else removes it`,
      );
    try {
      await make(lost);
      made += 1;
      continue;
    } catch (error) {
      if (!(error instanceof DockerRefusal) || !MADE_BY_OTHERS.test(error.detail)) throw plainRefusal(error);
      if (waited >= patienceMs)
        throw new EngineFailed(
          `The network ${name} cannot be made, and nobody else made it within ${patienceMs / 1_000} s: ${error.detail}`,
          { cause: error },
        );
    }
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** lost, LONGEST_PAUSE_MS);
    await sleep(pauseMs, undefined, { signal });
    waited += pauseMs;
  }
}

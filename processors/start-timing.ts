import { inStep } from '../infra/tracing/tracing.ts';

/** Where the time of a bot's start goes, from the moment at which its job was due. */
export const START_STEPS = [
  /** Until a processor took the job. */
  'queue',
  /** Until the bot's lock was taken. */
  'lock',
  /** The image found, or pulled. */
  'image',
  /** Its code fetched and unpacked, or found. */
  'code',
  /** Waiting for a place among the starts at once. */
  'slot',
  'create',
  /** Its launch files and its state put into the container. */
  'fill',
  'start',
  /** All of it, what is between the steps included. */
  'total',
] as const;
export type StartStep = (typeof START_STEPS)[number];

/** Takes down how long the steps of one start last. Milliseconds. */
export class StartTiming {
  readonly #ms = new Map<StartStep, number>();

  add(step: StartStep, ms: number): void {
    this.#ms.set(step, ms);
  }

  /** Of what worked, and all of it in the trace; a step that is taken again replaces what was taken down of it. */
  async measure<T>(step: StartStep, work: () => Promise<T>): Promise<T> {
    const beganMs = performance.now();
    const result = await inStep(step, work);
    this.add(step, performance.now() - beganMs);
    return result;
  }

  /** Whether a container was started. */
  get started(): boolean {
    return this.#ms.has('start');
  }

  [Symbol.iterator](): IterableIterator<[StartStep, number]> {
    return this.#ms.entries();
  }
}

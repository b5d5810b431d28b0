import { Counter, Histogram, type Registry } from 'prom-client';
import type { SaveResult } from './save.ts';

/** Seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300];

/** What became of a save: a closed list, so that the label stays bounded. `failed` is tried again. */
const SAVES = [
  'saved',
  'unchanged',
  'platform',
  'not-ready',
  'too-large',
  'failed',
] as const satisfies readonly (SaveResult['kind'] | 'failed')[];
const RESTORES = ['ready', 'failed'] as const;

/** What becomes of saves of state, and of looks that a start takes at it. */
export class StateMetrics {
  readonly #saves: Counter<'outcome'>;
  readonly #seconds: Histogram;
  readonly #bytes: Counter;
  readonly #restores: Counter<'outcome'>;

  constructor({ registry }: { registry: Registry }) {
    const registers = [registry];
    this.#saves = new Counter({
      name: 'the0_state_saves_total',
      help: 'Saves of state, by what became of them',
      labelNames: ['outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'the0_state_save_seconds',
      help: 'How long saves took that put an archive in place',
      buckets: BUCKETS,
      registers,
    });
    this.#bytes = new Counter({
      name: 'the0_state_saved_bytes_total',
      help: 'What was in the files of states that were saved',
      registers,
    });
    this.#restores = new Counter({
      name: 'the0_state_restores_total',
      help: 'Times that a start saw to its state, by whether it could',
      labelNames: ['outcome'],
      registers,
    });
    // A series that exists from the start lets a monitor see the first failure as an increase.
    for (const outcome of SAVES) this.#saves.inc({ outcome }, 0);
    for (const outcome of RESTORES) this.#restores.inc({ outcome }, 0);
  }

  async save(work: () => Promise<SaveResult>): Promise<SaveResult> {
    const beganMs = performance.now();
    try {
      const result = await work();
      this.#saves.inc({ outcome: result.kind });
      if (result.kind === 'saved') {
        this.#seconds.observe((performance.now() - beganMs) / 1000);
        this.#bytes.inc(result.bytes);
      }
      return result;
    } catch (error) {
      this.#saves.inc({ outcome: 'failed' });
      throw error;
    }
  }

  async restore(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#restores.inc({ outcome: 'ready' });
    } catch (error) {
      this.#restores.inc({ outcome: 'failed' });
      throw error;
    }
  }
}

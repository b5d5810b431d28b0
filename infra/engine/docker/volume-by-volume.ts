import { messageOf } from '../../message-of.ts';
import { OutageLog, type Logger } from '../../logger.ts';
import type { VolumeListing } from '../port.ts';

/** Lists volumes one after the other, so that one that cannot be read takes none of the others along. */
export class VolumeByVolume {
  readonly #log: Logger;
  /** Of the volumes that could not be read the last time. */
  readonly #outages = new Map<string, OutageLog>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Lists one. `failed` where it cannot be read, which the log has told then; undefined where `list` says that it is gone.
   * Throws only once `signal` aborts.
   */
  async list(
    name: string,
    list: () => Promise<VolumeListing | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<VolumeListing | { failed: Error } | undefined> {
    try {
      const listing = await list();
      this.#outages.get(name)?.recovered();
      this.#outages.delete(name);
      return listing;
    } catch (error) {
      signal?.throwIfAborted();
      const outage = this.#outages.get(name) ?? new OutageLog(this.#log, `The volume ${name}`);
      this.#outages.set(name, outage);
      outage.failed(error);
      return { failed: error instanceof Error ? error : new Error(messageOf(error)) };
    }
  }
}

import type { Engine } from '../infra/engine/port.ts';
import type { Logger } from '../infra/logger.ts';
import { LABEL } from '../model/labels.ts';
import type { CodeStore } from './code/store.ts';

export type SweepDeps = {
  engine: Engine;
  code: Pick<CodeStore, 'collectUnused'>;
  unusedMs: number;
  log: Logger;
};

/** Removes code that no container uses and that no start asked for of late. Safe to run at any time, twice at once too. */
export async function sweepCode({ engine, code, unusedMs, log }: SweepDeps): Promise<void> {
  const containers = await engine.list();
  const used = new Set(containers.map((container) => container.labels[LABEL.code]));
  const volumes = await engine.listVolumes({ [LABEL.kind]: 'code' });
  const inUse = new Set(
    volumes.filter((volume) => used.has(volume.labels[LABEL.code])).map((volume) => volume.name),
  );
  const collected = await code.collectUnused({ olderThanMs: unusedMs, inUse });
  log.info(collected, 'Unused code collected');
}

/** Sweeps now and then until the signal aborts; a sweep that fails is one line in the log and another try next time. */
export async function sweepPeriodically(
  deps: SweepDeps,
  options: {
    everyMs: number;
    signal: AbortSignal;
    pause: (ms: number, signal: AbortSignal) => Promise<void>;
  },
): Promise<void> {
  for (;;) {
    await options.pause(options.everyMs, options.signal);
    if (options.signal.aborted) return;
    try {
      await sweepCode(deps);
    } catch (error) {
      deps.log.warn(
        { error: error instanceof Error ? error.message : String(error) },
        'Unused code could not be collected',
      );
    }
  }
}

import { describe } from 'vitest';
import { containerCases } from './cases/containers.ts';
import { endingCases } from './cases/endings.ts';
import { eventCases } from './cases/events.ts';
import { fileCases } from './cases/files.ts';
import { hostCases } from './cases/host.ts';
import { logCases } from './cases/logs.ts';
import type { EngineTarget } from './target.ts';

/** What every implementation of the engine port does alike. */
export function engineConformance(target: EngineTarget): void {
  describe(target.name, () => {
    containerCases(target);
    endingCases(target);
    eventCases(target);
    logCases(target);
    fileCases(target);
    hostCases(target);
  });
}

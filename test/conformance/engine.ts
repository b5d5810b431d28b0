import { describe } from 'vitest';
import { auditCases } from './cases/audit.ts';
import { containerCases } from './cases/containers.ts';
import { endingCases } from './cases/endings.ts';
import { eventCases } from './cases/events.ts';
import { fileCases } from './cases/files.ts';
import { hostCases } from './cases/host.ts';
import { logCases } from './cases/logs.ts';
import { networkCases } from './cases/networks.ts';
import { usageCases } from './cases/usage.ts';
import { volumeFileCases } from './cases/volume-files.ts';
import type { EngineTarget } from './target.ts';

/** What every implementation of the engine port does alike. */
export function engineConformance(target: EngineTarget): void {
  describe(target.name, () => {
    containerCases(target);
    endingCases(target);
    eventCases(target);
    logCases(target);
    fileCases(target);
    volumeFileCases(target);
    hostCases(target);
    networkCases(target);
    auditCases(target);
    usageCases(target);
  });
}

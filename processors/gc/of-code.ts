import { LABEL } from '../../model/labels.ts';
import type { CodeStore } from '../code/store.ts';
import type { Step } from './step.ts';

export type CodeSweepOptions = {
  code: Pick<CodeStore, 'collectUnused'>;
  unusedMs: number;
  dryRun: boolean;
};

const UNUSED = 'no container uses it, and no start asked for it of late';
const LEFT = 'a processor that died left it';

/** Removes code that no container uses and that no start asked for of late, and what a dead process left of its work. */
export async function sweepCode(
  { engine, findings }: Step,
  { code, unusedMs, dryRun }: CodeSweepOptions,
): Promise<void> {
  const containers = await engine.list();
  const used = new Set(containers.map((container) => container.labels[LABEL.code]));
  const volumes = await engine.listVolumes({ [LABEL.kind]: 'code' });
  const inUse = new Set(
    volumes.filter((volume) => used.has(volume.labels[LABEL.code])).map((volume) => volume.name),
  );
  const collected = await code.collectUnused({ olderThanMs: unusedMs, inUse, dryRun });
  for (const name of collected.unused) findings.add({ kind: 'code', name, why: UNUSED });
  for (const name of collected.leftBehind) findings.add({ kind: 'code', name, why: LEFT });
  for (const name of collected.helpers) findings.add({ kind: 'container', name, why: LEFT });
}

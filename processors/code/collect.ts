import type { ContainerKind, Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { CODE_VOLUME_KIND } from './fill.ts';
import type { CodeRecords } from './records.ts';

/** Filling a volume takes minutes at most: what is older and has no record was left behind by a process that died. */
const LEFT_BEHIND_AFTER_MS = 60 * 60 * 1000;
/** Kinds of containers that live for moments, whatever they were for. */
const SHORT_LIVED: readonly ContainerKind[] = ['helper', 'probe'];
/** A start that has just been given a volume needs time to create its container, whatever the setting says. */
const LEAST_AGE_MS = 10 * 60 * 1000;

/** Names of what was removed. */
export type Collected = { unused: string[]; leftBehind: string[]; helpers: string[] };

export type CollectOptions = {
  engine: Engine;
  records: CodeRecords;
  log: Logger;
  now: () => number;
  olderThanMs: number;
  inUse: ReadonlySet<string>;
  /** Only tell what would be removed. */
  dryRun?: boolean;
};

/**
 * Removes helper containers and volumes that a dead process left behind, then code unused for `olderThanMs` (at least
 * 10 minutes). Records go first, so that nobody is given a volume that is about to go; a volume that the engine says
 * is in use stays, with its record.
 */
export async function collectUnused(options: CollectOptions): Promise<Collected> {
  const helpers = await removeHelpers(options);
  const leftBehind = await removeLeftBehind(options);
  const unused = await removeUnused(options);
  return { unused, leftBehind, helpers };
}

async function removeHelpers({ engine, now, dryRun }: CollectOptions): Promise<string[]> {
  const removed: string[] = [];
  const lists = await Promise.all(SHORT_LIVED.map((kind) => engine.list({ labels: { [LABEL.kind]: kind } })));
  for (const { id, name } of lists.flat()) {
    const detail = await engine.inspect(id);
    if (detail === undefined || detail.createdAtMs > now() - LEFT_BEHIND_AFTER_MS) continue;
    if (dryRun !== true) await engine.remove(id, { force: true });
    removed.push(name);
  }
  return removed;
}

async function removeLeftBehind({ engine, records, inUse, now, dryRun }: CollectOptions): Promise<string[]> {
  const removed: string[] = [];
  // In this order: a volume that gets its record between the two reads is not taken for one without.
  const volumes = await engine.listVolumes({ [LABEL.kind]: CODE_VOLUME_KIND });
  const onRecord = await records.volumesOnRecord();
  for (const { name, createdAtMs } of volumes) {
    if (
      onRecord.has(name) ||
      inUse.has(name) ||
      createdAtMs === 0 ||
      createdAtMs > now() - LEFT_BEHIND_AFTER_MS
    )
      continue;
    if (dryRun === true || (await engine.removeVolume(name))) removed.push(name);
  }
  return removed;
}

async function removeUnused({
  engine,
  records,
  inUse,
  log,
  now,
  olderThanMs,
  dryRun,
}: CollectOptions): Promise<string[]> {
  const removed: string[] = [];
  const before = new Date(now() - Math.max(olderThanMs, LEAST_AGE_MS));
  if (dryRun === true) {
    for await (const { volume } of records.unused(before, inUse)) removed.push(volume);
    return removed;
  }
  for await (const record of records.expire(before, inUse)) {
    if (await engine.removeVolume(record.volume)) removed.push(record.volume);
    else {
      log.warn({ volume: record.volume }, 'Code volume thought unused is in use');
      await records.restore(record);
    }
  }
  return removed;
}

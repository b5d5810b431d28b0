import { EngineUnavailable } from '../../infra/engine/errors.ts';
import type { ContainerView, VolumeView } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { fatesOf, type Fate } from '../../infra/mongo/tombstones.ts';
import { durationText } from '../../model/duration.ts';
import { tooMuch } from '../../model/gc-share.ts';
import { LABEL } from '../../model/labels.ts';
import { launchVolumeName, stateVolumeName } from '../../model/names.ts';
import { isUp } from '../containers.ts';
import { LEFT_BEHIND_MS, type Step } from './step.ts';

export type DeletedSweepOptions = {
  stores: Pick<Collections, 'bots' | 'schedules' | 'eventOrder' | 'scheduleEventOrder'>;
  policy: { graceMs: number; maxSharePercent: number };
  /** Whom a person let go, whatever share of all they are. */
  confirmed: ReadonlySet<string>;
  /** What would be too much is told all the same: a person decides by it. */
  dryRun: boolean;
};

type Owned = VolumeView & { id: string };
/** What is left of one bot or schedule, and goes. */
type Left = { containers: ContainerView[]; volumes: Owned[] };

/**
 * Removes what bots and schedules that were deleted left on the engine: ended containers and the state once the grace is
 * over, the config with its owner's keys after an hour. What still runs is none of ours to stop: the planner does, and
 * where it did not, the report says so.
 */
export async function sweepDeleted(
  step: Step,
  { stores, policy, confirmed, dryRun }: DeletedSweepOptions,
): Promise<void> {
  const { engine, findings, nowMs } = step;
  const { graceMs } = policy;
  // First what is there, then what the records say of it: whatever is made in between is not even looked at.
  const [all, volumes] = await Promise.all([engine.list(), engine.listVolumes()]);
  const containers = all.filter(({ labels }) => ['bot', 'run'].includes(labels[LABEL.kind] ?? ''));
  const states = byName(volumes, (id) => stateVolumeName(engine.installation, id));
  const launches = byName(volumes, (id) => launchVolumeName(engine.installation, id));
  const ids = [...containers.map(ownerOf), ...states.map(({ id }) => id), ...launches.map(({ id }) => id)];
  const fates = await fatesOf(stores, ids);
  const deletedFor = (id: string): number => deletedForMs(fates.get(id), nowMs);

  for (const { id, createdAtMs } of states)
    if (fates.get(id)?.kind === 'unknown' && nowMs - createdAtMs > graceMs) findings.unknown(id);
  // The engine itself says no to a volume in use; a rehearsal cannot ask it.
  const staying = new Set<string>();
  for (const container of containers) {
    const id = ownerOf(container);
    if (deletedFor(id) < graceMs || isUp(container)) staying.add(id);
    if (deletedFor(id) >= graceMs && isUp(container))
      findings.problem(
        `${container.name} runs although its bot was deleted: the processors should have stopped it`,
      );
  }
  const going = new Set(
    [...containers.map(ownerOf), ...states.map(({ id }) => id)].filter(
      (id) => deletedFor(id) >= graceMs && !staying.has(id),
    ),
  );
  findings.going(going);
  const unseen = [...going].filter((id) => !confirmed.has(id));
  const objection = await shareProblem(stores, unseen.length, policy.maxSharePercent);
  if (objection !== undefined) {
    findings.problem(`${objection}: it stays on the engine too`);
    if (!dryRun) for (const id of unseen) going.delete(id);
  }
  const used = new Set(containers.map(ownerOf).filter((id) => !going.has(id)));
  const left = new Map<string, Left>();
  const leftOf = (id: string): Left => {
    const known = left.get(id) ?? { containers: [], volumes: [] };
    left.set(id, known);
    return known;
  };
  for (const container of containers)
    if (going.has(ownerOf(container))) leftOf(ownerOf(container)).containers.push(container);
  for (const volume of launches)
    if (deletedFor(volume.id) >= LEFT_BEHIND_MS && !used.has(volume.id))
      leftOf(volume.id).volumes.push(volume);
  for (const volume of states) if (going.has(volume.id)) leftOf(volume.id).volumes.push(volume);
  for (const [id, what] of left) await removeLeft(step, stores, id, what, deletedFor(id));
}

/** One that the engine will not let go of keeps nobody else's from going. */
async function removeLeft(
  { engine, findings }: Step,
  stores: DeletedSweepOptions['stores'],
  id: string,
  { containers, volumes }: Left,
  deletedMs: number,
): Promise<void> {
  // Looked at again at the last moment: it may have been made anew since.
  if ((await fatesOf(stores, [id])).get(id)?.kind !== 'deleted') return;
  const why = `its bot was deleted ${durationText(deletedMs)} ago`;
  try {
    for (const container of containers) {
      await engine.remove(container.id);
      findings.add({ kind: 'container', name: container.name, why });
    }
    for (const { name } of volumes)
      if (await engine.removeVolume(name)) findings.add({ kind: 'volume', name, why });
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    findings.problem(`What ${id} left could not be removed: ${messageOf(error)}`);
  }
}

async function shareProblem(
  { bots, schedules }: DeletedSweepOptions['stores'],
  going: number,
  maxSharePercent: number,
): Promise<string | undefined> {
  if (going === 0) return undefined;
  const counts = await Promise.all([bots.estimatedDocumentCount(), schedules.estimatedDocumentCount()]);
  return tooMuch({ going, living: counts[0] + counts[1] }, maxSharePercent);
}

const ownerOf = ({ labels }: Pick<ContainerView, 'labels'>): string => labels[LABEL.id] ?? '';

/** Volumes whose name is that which their own label makes of it: no other volume of the bot has that name. */
const byName = (volumes: readonly VolumeView[], nameOf: (id: string) => string): Owned[] =>
  volumes.flatMap((volume) => {
    const id = volume.labels[LABEL.id] ?? '';
    return id !== '' && volume.name === nameOf(id) ? [{ ...volume, id }] : [];
  });

const deletedForMs = (fate: Fate | undefined, nowMs: number): number =>
  fate?.kind === 'deleted' ? nowMs - fate.at.getTime() : 0;

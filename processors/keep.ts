import type { Collection } from 'mongodb';
import type { ContainerView, Engine } from '../infra/engine/port.ts';
import { messageOf } from '../infra/message-of.ts';
import type { Logger } from '../infra/logger.ts';
import type { LeaseStore } from '../infra/lease-store.ts';
import type { BotStateDocument } from '../infra/mongo/collections.ts';
import { Grouped } from '../infra/mongo/grouped.ts';
import { readEach } from '../infra/mongo/read-each.ts';
import { LABEL } from '../model/labels.ts';
import type { EnqueueData } from '../queues/data-queues.ts';
import { isUp } from './containers.ts';
import { StartProblem } from './errors.ts';
import type { Keeping, StateVerdict } from './keeping.ts';
import type { StateKeeper } from './state/keeper.ts';
import { underLease } from './state/lease.ts';
import type { Allowances } from './state/watch-allowances.ts';
import type { StateVolumes } from './state/watch-volumes.ts';

export type KeepOptions = {
  engine: Engine;
  /** Saves what an ended container's output still holds: `LogKeeper`'s. */
  output: Keeping['output'];
  state: Pick<StateKeeper, 'save' | 'restore' | 'isSettled'>;
  states: Collection<BotStateDocument>;
  leases: LeaseStore;
  /** Names this process in leases. */
  owner: string;
  volumes: StateVolumes;
  allowances: Allowances;
  saves: { add(items: readonly EnqueueData[]): Promise<void> };
  now: () => Date;
  log: Logger;
};

/** Files that a status names; all of them are on record. */
const NAMED = 3;

type Restoring = Parameters<Keeping['restore']>;

/** How soon a state that could not be saved at its bot's end is tried again. */
const SAVE_AGAIN_MS = 2_000;

/** What is kept of a container beyond its end, put together of logs and state. */
export function createKeeping(options: KeepOptions): Keeping {
  const readings = new Grouped<string, BotStateDocument | undefined>((ids) => readEach(options.states, ids));
  const known = (id: string): Promise<BotStateDocument | undefined> => readings.ask(id);
  return {
    output: options.output,
    state: (id, signal) => saveOrLater(options, id, signal),
    restore: async (...restoring) => restore(options, await known(restoring[0]), restoring),
    verdict: async (id) => verdictOf(await known(id)),
  };
}

function verdictOf(state: BotStateDocument | undefined): StateVerdict {
  // First: the archive that a person deleted looks like one that the platform deleted.
  if (state?.discard !== undefined)
    return {
      kind: 'restart',
      reason: `Its state was deleted by hand (${state.discard.who}) while it ran: it was started anew without`,
    };
  if (state?.platformEtag !== undefined) {
    const what = state.platformEtag === null ? 'deleted' : 'changed';
    return {
      kind: 'restart',
      reason: `The platform ${what} its state while it ran: it was started anew with that`,
    };
  }
  if (state?.overLimit !== undefined) return { kind: 'stop', reason: state.overLimit.reason };
  const problems = state?.problems ?? [];
  if (problems.length === 0) return { kind: 'fine' };
  const more = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : '';
  return {
    kind: 'fine',
    notes: [`Not saved of its state: ${problems.slice(0, NAMED).join('; ')}${more}`],
  };
}

async function saveOrLater(
  { state, saves, log }: KeepOptions,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  let why = 'some of it changed while it was read';
  try {
    signal.throwIfAborted();
    const result = await state.save(id, signal);
    if (!('again' in result) || !result.again) return;
  } catch (error) {
    why = messageOf(error);
  }
  log.debug({ botId: id, why }, 'State is saved later');
  await saves
    .add([
      {
        queue: 'state-sync',
        job: { botId: id, cause: `not saved at its end: ${why}` },
        delayMs: SAVE_AGAIN_MS,
      },
    ])
    .catch((error: unknown) => {
      // Redis is away too: the watch finds volumes that are not saved.
      log.debug({ botId: id, error: messageOf(error) }, 'A save of state could not be queued');
    });
}

async function restore(
  options: KeepOptions,
  known: BotStateDocument | undefined,
  restoring: Restoring,
): Promise<void> {
  const { state, leases, owner, log } = options;
  const [id, container, { shared, ...rest }] = restoring;
  const { signal } = rest;
  // Mostly there is nothing to do, and nobody has to wait for anybody to see that. Of a bot that starts for the first time
  // there is always something.
  const settled =
    known !== undefined &&
    (await state.isSettled(id, container, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      log.debug({ botId: id, error: messageOf(error) }, 'Whether a state is settled was not to be seen');
      return false;
    }));
  // Of several that come at once, a bot and its first query say, one fills the volume; and where others may work with it, it
  // is not taken from under them.
  if (!settled)
    await underLease({ leases, owner, log }, `state:${id}`, signal, async (alone) => {
      if (shared && (await isInUse(options, restoring))) return;
      await state.restore(id, container, { ...rest, signal: alone });
    });
  await assertWithinAgain(options, known, restoring);
}

async function assertWithinAgain(
  options: KeepOptions,
  known: BotStateDocument | undefined,
  [id, container, { signal }]: Restoring,
): Promise<void> {
  if (known?.overLimit !== undefined && container.spec.kind !== 'query')
    await assertWithin(options, id, signal);
}

/** A start is the time to see whether a state that was too large still is. */
async function assertWithin(
  { states, volumes, allowances, now }: KeepOptions,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const listings = await volumes.list([id], signal);
  const problem = (await allowances.problems(listings)).get(id);
  if (problem === undefined && listings.get(id)?.unread === true)
    throw new StartProblem(
      'state_unavailable',
      'Its state could not be measured: its volume was not listed to its end',
      {
        retryable: true,
      },
    );
  if (problem !== undefined) throw new StartProblem('state_too_large', problem, { retryable: false });
  await states.updateOne({ _id: id }, { $unset: { overLimit: '' }, $set: { updatedAt: now() } });
}

/**
 * Whether another container of the same bot or schedule works with the state. A query leaves it to a bot that is just about
 * to be started; a run does not rely on one that never was.
 */
async function isInUse({ engine }: KeepOptions, [id, own, { signal }]: Restoring): Promise<boolean> {
  const containers = await engine.list({ labels: { [LABEL.id]: id } }, { signal });
  const counts = (other: ContainerView): boolean => {
    const kind = other.labels[LABEL.kind];
    if (other.id === own.id || (kind !== 'bot' && kind !== 'run')) return false;
    return isUp(other) || (own.spec.kind === 'query' && other.state === 'created');
  };
  return containers.some(counts);
}

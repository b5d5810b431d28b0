import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { botIdProblem } from '../../../model/bots.ts';
import type { StateSchema, StateService } from '../../../proto/gen/the0/runtime/v1/state_pb.js';
import { NotFound } from '../errors.ts';
import type { StateFacts, StateOperations } from '../states/operations.ts';
import { pageOfStates } from '../states/page.ts';
import { callerKey } from './caller.ts';
import { stamp } from './wire.ts';

export type StateServiceDeps = {
  collections: Pick<Collections, 'botState' | 'bots' | 'schedules'>;
  operations: StateOperations;
};

/** Of what is left to the caller's deadline, for the way back. */
const WAY_BACK_MS = 200;

export function stateService({
  collections,
  operations,
}: StateServiceDeps): ServiceImpl<typeof StateService> {
  return {
    listStates: async ({ page }) => {
      const { states, nextToken } = await pageOfStates(collections, page ?? {});
      return {
        states: states.map(({ _id, savedAt, bytes, files, problems, overLimit }) => ({
          id: _id,
          savedAt: stamp(savedAt),
          bytes: BigInt(bytes ?? 0),
          files: files ?? 0,
          problems: problems?.length ?? 0,
          overLimit: overLimit?.reason ?? '',
        })),
        nextToken,
      };
    },

    getState: async ({ id }, { signal }) => {
      checkId(id);
      const facts = await operations.get(id, signal);
      // Of a bot that has kept nothing yet there is a state, and it is empty.
      if (isNothing(facts) && !(await isKnown(collections, id))) throw new NotFound('bot or schedule', id);
      return { state: stateMessage(facts) };
    },

    getStateValue: async ({ id, key }, { signal }) => {
      checkId(id);
      return { value: await operations.show(id, key, signal) };
    },

    saveState: async ({ id, change }, { signal, values, timeoutMs: left }) => {
      checkId(id);
      if (!(await isKnown(collections, id))) throw new NotFound('bot or schedule', id);
      const asker = { who: values.get(callerKey).name, why: change?.reason ?? '' };
      // So that the caller hears why it takes so long before he waits no more.
      const withinMs = Math.max(0, (left() ?? Infinity) - WAY_BACK_MS);
      return { outcome: await operations.save(id, { ...asker, withinMs }, signal) };
    },

    restoreState: async ({ id, archive }, { signal }) => {
      checkId(id);
      return { outcome: await operations.restore(id, archive === '' ? undefined : archive, signal) };
    },

    deleteState: async ({ id, key, change }, { signal, values }) => {
      checkId(id);
      const asker = { who: values.get(callerKey).name, why: change?.reason ?? '' };
      return {
        outcome:
          key === ''
            ? await operations.deleteAll(id, asker, signal)
            : await operations.deleteKey(id, key, signal),
      };
    },
  };
}

/** An id becomes part of an object's key, so what cannot be one names nothing. @throws NotFound */
function checkId(id: string): void {
  if (botIdProblem(id) !== undefined) throw new NotFound('bot or schedule', id);
}

const isNothing = ({ archive, unreadable, earlier, savedAt, restoredAt }: StateFacts): boolean =>
  archive === undefined &&
  unreadable === undefined &&
  earlier.length === 0 &&
  savedAt === undefined &&
  restoredAt === undefined;

async function isKnown(
  { bots, schedules, botState }: StateServiceDeps['collections'],
  id: string,
): Promise<boolean> {
  const found = await Promise.all([
    bots.findOne({ id }, { projection: { _id: 1 } }),
    schedules.findOne({ id }, { projection: { _id: 1 } }),
    botState.findOne({ _id: id }, { projection: { _id: 1 } }),
  ]);
  return found.some((document) => document !== null);
}

function stateMessage(facts: StateFacts): MessageInitShape<typeof StateSchema> {
  const { archive } = facts;
  return {
    id: facts.id,
    archive:
      archive === undefined
        ? undefined
        : {
            at: stamp(archive.at),
            bytes: BigInt(archive.bytes),
            files: archive.files,
            keys: archive.keys.map(({ key, bytes }) => ({ key, bytes: BigInt(bytes) })),
          },
    unreadable: facts.unreadable ?? '',
    earlier: facts.earlier.map(({ name, at, bytes }) => ({ name, at: stamp(at), bytes: BigInt(bytes) })),
    savedAt: stamp(facts.savedAt),
    restoredAt: stamp(facts.restoredAt),
    platformChangedAt: stamp(facts.platformChangedAt),
    deletedAt: stamp(facts.deletedAt),
    problems: [...facts.problems],
    overLimit: facts.overLimit ?? '',
  };
}

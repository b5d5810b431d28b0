import type { Api } from '../client/api.ts';
import type { IdKind } from '../commands/id-argument.ts';

/** More nobody looks through. */
const MOST = { size: 1_000 };
const LATEST_RUNS = { size: 100 };

/** Ids of a kind that there are. */
export async function idsOf(api: Api, kind: IdKind): Promise<string[]> {
  const ids = (of: readonly { id: string }[]): string[] => of.map(({ id }) => id);
  const bots = async (): Promise<string[]> => ids((await api.bots.listBots({ page: MOST })).bots);
  const schedules = async (): Promise<string[]> =>
    ids((await api.schedules.listSchedules({ page: MOST })).schedules);
  const runs = async (): Promise<string[]> => ids((await api.runs.listRuns({ page: LATEST_RUNS })).runs);
  const all = async (...of: (() => Promise<string[]>)[]): Promise<string[]> =>
    (await Promise.all(of.map((each) => each()))).flat();
  switch (kind) {
    case 'bot':
      return bots();
    case 'schedule':
      return schedules();
    case 'bot-or-schedule':
      return all(bots, schedules);
    case 'any':
      return all(bots, schedules, runs);
    case 'run':
      return runs();
    case 'rollout':
      return ids((await api.bots.listRollouts({ page: LATEST_RUNS })).rollouts);
    case 'queue':
      return (await api.queues.listQueues({})).queues.map(({ name }) => name);
  }
}

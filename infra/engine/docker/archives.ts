import { ContainerMissing, PathMissing } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import type { Engine } from '../port.ts';
import { requirePath } from '../spec-check.ts';
import type { DockerContext } from './context.ts';
import { hasStatus, isNoSuchContainer, refusalOf } from './failures.ts';

type Archives = Pick<Engine, 'readArchive' | 'writeArchive' | 'pathMode'>;

const PATH_STAT = 'x-docker-container-path-stat';

export function archiveCalls(context: DockerContext, inspect: Engine['inspect']): Archives {
  const { client } = context;
  const archive = (id: string) => `/containers/${requireContainerId(id)}/archive`;

  const readArchive: Archives['readArchive'] = async (id, path, options = {}) => {
    requirePath('path', path);
    try {
      return await client.stream({
        method: 'GET',
        path: archive(id),
        query: { path },
        doing: 'read files of a container',
        timeoutMs: context.slowCallTimeoutMs,
        signal: options.signal,
      });
    } catch (error) {
      throw pathRefusal(error, id, path);
    }
  };

  const writeArchive: Archives['writeArchive'] = async (id, path, tar, options = {}) => {
    requirePath('path', path);
    await context.requireOwn(id, options);
    try {
      await client.run({
        method: 'PUT',
        path: archive(id),
        // A file never takes the place of a directory, nor the reverse.
        query: { path, noOverwriteDirNonDir: true },
        upload: tar,
        doing: 'write files into a container',
        timeoutMs: context.stallTimeoutMs,
        signal: options.signal,
      });
    } catch (error) {
      throw pathRefusal(error, id, path);
    }
  };

  const pathMode: Archives['pathMode'] = async (id, path, options = {}) => {
    requirePath('path', path);
    try {
      const headers = await client.headers({
        method: 'HEAD',
        path: archive(id),
        query: { path },
        doing: 'look for a file of a container',
        signal: options.signal,
      });
      return permissionBits(headers[PATH_STAT]);
    } catch (error) {
      if (!hasStatus(error, 404)) throw refusalOf(error, id);
      // An answer to HEAD has no words, so what is missing has to be asked for.
      if ((await inspect(id, options)) === undefined) throw new ContainerMissing(id, { cause: error });
      return undefined;
    }
  };

  return { readArchive, writeArchive, pathMode };
}

function pathRefusal(error: unknown, id: string, path: string): unknown {
  return hasStatus(error, 404) && !isNoSuchContainer(error)
    ? new PathMissing(id, path, { cause: error })
    : refusalOf(error, id);
}

/** The header is base64 of JSON whose `mode` is Go's: the low nine bits are the permissions. */
function permissionBits(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const { mode } = JSON.parse(Buffer.from(header, 'base64').toString()) as { mode?: number };
  return mode === undefined ? undefined : mode & 0o777;
}

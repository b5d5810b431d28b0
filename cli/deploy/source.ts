import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { CliError, EXIT } from '../errors.ts';
import { createIgnore } from './ignore.ts';

/** One file of a bot's folder that goes into the archive. `mode`: permission bits. */
export type SourceFile = { path: string; absolute: string; mode: number; bytes: number };

/**
 * The files of a folder that belong into its archive, in order of their paths. Links are followed within the folder
 * and refused beyond it. `without`: paths to leave out besides what the rules say.
 */
export async function collectFiles(folder: string, without: ReadonlySet<string>): Promise<SourceFile[]> {
  const root = await realpath(folder);
  const rules = await readFile(join(root, '.the0ignore'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const ignored = createIgnore(rules);
  const files: SourceFile[] = [];
  const visit = async (directory: string, ancestors: readonly string[]): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const absolute = join(directory, entry.name);
      const path = relative(root, absolute).split(sep).join('/');
      if (entry.name.startsWith('.') || without.has(path)) continue;
      const facts = await stat(absolute).catch(() => {
        throw new CliError(`${path} is a link that leads nowhere: remove it or list it in .the0ignore`);
      });
      if (ignored(path, facts.isDirectory() ? 'directory' : 'file')) continue;
      if (entry.isSymbolicLink()) {
        const target = await realpath(absolute);
        if (target !== root && !target.startsWith(root + sep))
          throw new CliError(
            `${path} is a link to ${target}, outside of the bot’s folder: copy it in, or list it in .the0ignore`,
          );
        if (ancestors.includes(target))
          throw new CliError(
            `${path} is a link to a folder that holds it: remove it or list it in .the0ignore`,
          );
      }
      if (facts.isDirectory()) await visit(absolute, [...ancestors, await realpath(absolute)]);
      else if (facts.isFile()) files.push({ path, absolute, mode: facts.mode & 0o777, bytes: facts.size });
    }
  };
  await visit(root, [root]);
  return files.sort((one, other) => (one.path < other.path ? -1 : 1));
}

export type SourceKind = 'folder' | 'zip';

/** @throws CliError where the path is neither a folder nor a file that ends in .zip */
export async function kindOf(path: string): Promise<SourceKind> {
  const facts = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT'
      ? new CliError(`There is no folder or ZIP at ${path}`, EXIT.notFound)
      : new CliError(`${path} cannot be read: ${error.message}`);
  });
  if (facts.isDirectory()) return 'folder';
  if (facts.isFile() && path.toLowerCase().endsWith('.zip')) return 'zip';
  throw new CliError(`${path} is neither a folder nor a .zip`);
}

/** Text of a file inside a folder, or undefined where there is none. */
export async function readInside(folder: string, path: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, path), 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined;
    throw new CliError(`${path} cannot be read: ${message}`);
  }
}

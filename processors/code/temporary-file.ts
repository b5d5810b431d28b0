import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives `work` an empty file that has no name: it is removed from its private folder as soon as it is open, so the
 * system frees it when the handle closes, even if this process is killed.
 */
export async function withTemporaryFile<T>(
  folder: string,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const own = await mkdtemp(join(folder, 'the0-code-'));
  let file: FileHandle;
  try {
    file = await open(join(own, 'archive'), 'wx+', 0o600);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { withTemporaryFile } from '../code/temporary-file.ts';
import type { ArchiveStore } from './deps.ts';
import type { LocalArchive } from './archive-scan.ts';
import { StateTooLarge } from './errors.ts';
import { ObjectTooLarge } from '../../infra/s3/errors.ts';

/** Compressing cannot make more of it than this beside. */
const SLACK_BYTES = 64 * 2 ** 20;

export const inTemporaryFile = <T>(
  store: Pick<ArchiveStore, 'temporaryFolder'>,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> => withTemporaryFile(store.temporaryFolder ?? tmpdir(), work);

/** An object as a local file for as long as `work` takes. Throws classes of `infra/s3/errors.ts`, `StateTooLarge`. */
export function withDownload<T>(
  store: ArchiveStore,
  key: string,
  signal: AbortSignal,
  work: (archive: LocalArchive & { etag: string }) => Promise<T>,
): Promise<T> {
  return inTemporaryFile(store, async (file) => {
    const maxBytes = store.limits.maxBytes + SLACK_BYTES;
    const { bytes, etag } = await store.s3
      .download(store.bucket, key, file, { maxBytes, signal })
      .catch((error: unknown) => {
        throw error instanceof ObjectTooLarge
          ? new StateTooLarge(`is an archive of ${error.bytes} bytes`)
          : error;
      });
    return await work({ file, bytes, etag });
  });
}

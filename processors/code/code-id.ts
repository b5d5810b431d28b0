import { createHash } from 'node:crypto';

/** Raised whenever the same archive would unpack differently: volumes made by older rules are then not used again. */
const UNPACKING_RULES = 1;

/**
 * Names unpacked code: the object's etag, the rules by which it was unpacked, and which files were made executable
 * beyond what the archive says (two bots may share an archive and name different entry points). At most 80
 * characters of `a-z 0-9 -`, fit for names of volumes and values of labels.
 */
export function codeIdOf(etag: string, executablePaths: readonly string[]): string {
  const content = /^[a-z0-9-]{8,64}$/.test(etag) ? etag : sha256(etag).slice(0, 40);
  const executables =
    executablePaths.length === 0 ? '' : `-x${sha256(JSON.stringify(executablePaths)).slice(0, 8)}`;
  return `${content}-v${UNPACKING_RULES}${executables}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

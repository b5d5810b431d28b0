import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CliError } from '../errors.ts';

/** What makes one data directory's installation its own. Kept in it, readable by its owner only. */
const identitySchema = z.object({ installation: z.string().min(1) });
export type Identity = z.output<typeof identitySchema>;

/**
 * Reads the identity, or makes one. The name comes from the directory's path, so that two clones on one engine never
 * take each other's bots for their own, and a directory that was emptied finds its old bots again.
 */
export function identityOf(dataDir: string): Identity {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'identity.json');
  try {
    return identitySchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CliError(
        `${path} cannot be read: ${(error as Error).message}. Remove it to have it made anew`,
      );
  }
  const suffix = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 6);
  const identity: Identity = { installation: `the0-${suffix}` };
  writeFileSync(path, JSON.stringify(identity, null, 2), { mode: 0o600, flag: 'wx' });
  return identity;
}

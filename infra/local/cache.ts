import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './types.ts';

/** Where downloads that serve every clone are kept: `${XDG_CACHE_HOME:-~/.cache}/the0-runtime`. */
export function cacheDirectory(environment: Environment): string {
  const base = environment['XDG_CACHE_HOME'];
  return join(
    base !== undefined && base !== '' ? base : join(environment['HOME'] ?? homedir(), '.cache'),
    'the0-runtime',
  );
}

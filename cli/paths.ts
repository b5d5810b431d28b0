import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The clone (or installed package) that this command belongs to. */
export const ROOT = join(import.meta.dirname, '..');

/** Version in package.json. */
export function productVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

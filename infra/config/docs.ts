import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsEnvFile, withSettingsTable } from './describe.ts';

/** Rewrites what is generated from the settings: the README's table and `.env.example`. Run by `npm run settings:docs`. */
const root = join(import.meta.dirname, '..', '..');
const readme = join(root, 'README.md');

writeFileSync(readme, withSettingsTable(readFileSync(readme, 'utf8')));
writeFileSync(join(root, '.env.example'), settingsEnvFile());

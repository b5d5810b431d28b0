import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsEnvFile, withSettingsTable } from './describe.ts';

/** Rewrites what is generated from the settings: `docs/settings.md` and `.env.example`. Run by `npm run settings:docs`. */
const root = join(import.meta.dirname, '..', '..');
const page = join(root, 'docs', 'settings.md');

writeFileSync(page, withSettingsTable(readFileSync(page, 'utf8')));
writeFileSync(join(root, '.env.example'), settingsEnvFile());

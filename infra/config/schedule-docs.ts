import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withScheduleTables } from './schedule-tables.ts';

/** Rewrites the tables of daylight saving, misfire and overlap in the README. Run by `npm run schedules:docs`. */
const page = join(import.meta.dirname, '..', '..', 'README.md');

writeFileSync(page, withScheduleTables(readFileSync(page, 'utf8')));

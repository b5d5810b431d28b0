import { withContext } from './harness/context.ts';
import { rate } from './zz-tr.ts';
for (const p of (process.env.P ?? 'one process').split('|')) await withContext('t', (c) => (rate as any)(c, p));
process.exit(0);

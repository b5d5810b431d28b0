import { join } from 'node:path';
import { buf, PROTO } from './buf.ts';
import { generate } from './generate.ts';

/**
 * `npm run proto`: after each change of a `.proto`. With `-- --release`, what there is becomes what later changes are held
 * against.
 */
generate(PROTO);
if (process.argv.includes('--release'))
  buf('build', '--exclude-source-info', '--output', join(PROTO, 'baseline.binpb'));

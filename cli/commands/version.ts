import type { Command } from 'commander';
import { productVersion } from '../paths.ts';

export function versionCommand(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .action(() => console.log(`the0-runtime ${productVersion()}`));
}

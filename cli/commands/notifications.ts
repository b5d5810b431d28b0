import type { Command } from 'commander';
import { CliError, EXIT } from '../errors.ts';
import { testReceivers } from '../notifications/test.ts';
import { findTarget } from '../target.ts';
import { jsonFlag, printJson } from './flags.ts';

export function notificationsCommand(program: Command): void {
  program
    .command('notifications')
    .description('who is told of problems')
    .command('test')
    .description('post a test message to each address of NOTIFY_URLS, at once and once; say who took it')
    .addOption(jsonFlag())
    .action(test);
}

async function test(_flags: unknown, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<{ json?: boolean }>();
  const { settings } = findTarget(flags);
  if (settings.NOTIFY_URLS.length === 0)
    throw new CliError('NOTIFY_URLS is unset: there is nobody to tell', EXIT.usage);
  const results = await testReceivers(settings, { now: new Date(), newId: () => crypto.randomUUID() });
  if (flags.json === true) printJson(results);
  else
    for (const { receiver, taken, problem } of results)
      console.log(taken ? `${receiver} took it` : `${receiver} did not take it: ${problem ?? ''}`);
  if (results.some(({ taken }) => !taken)) process.exitCode = EXIT.failure;
}

import type { Command } from 'commander';
import { settingsEnvFile, settingsMarkdown, settingsText } from '../../infra/config/describe.ts';

export function settingsCommand(program: Command): void {
  program
    .command('settings')
    .description('print every setting with its default, unit and meaning')
    .option('--markdown', 'as the README has them')
    .option('--env', 'as an .env file')
    .action((options: { markdown?: boolean; env?: boolean }) => {
      process.stdout.write(
        options.markdown === true
          ? settingsMarkdown()
          : options.env === true
            ? settingsEnvFile()
            : settingsText(),
      );
    });
}

import type { Command } from 'commander';
import { findTarget } from '../target.ts';

type Flags = { id?: string; config?: string; json?: boolean };

export function deployCommand(program: Command): void {
  program
    .command('deploy')
    .description(
      'deploy a bot, realtime or scheduled, as the platform does: check, upload, publish; prints its id',
    )
    .argument('<folder-or-zip>', 'a folder with bot-config.yaml, or a ZIP of one')
    .option('--id <id>', 'the bot to create or update; unset: a new id')
    .option('--config <file>', 'the instance’s configuration (JSON); unset: config.json of the bot')
    .option('--json', 'print what was done as JSON')
    .action(async (path: string, _flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const { deploy } = await import('../deploy/deploy.ts');
      const target = findTarget(flags);
      const say = (line: string) => (flags.json === true ? console.error(line) : console.log(line));
      const done = await deploy(target, {
        path,
        say,
        buildOutput: flags.json === true ? 'stderr' : 'inherit',
        ...(flags.id === undefined ? {} : { id: flags.id }),
        ...(flags.config === undefined ? {} : { configPath: flags.config }),
      });
      if (flags.json === true) return console.log(JSON.stringify(done, null, 2));
      console.log(`${done.event} ${done.name} ${done.version}: bot ${done.id}`);
      const list = done.type === 'scheduled' ? 'schedules' : 'bots';
      console.log(`Follow it: npx the0-runtime ${list} show ${done.id}`);
    });
}

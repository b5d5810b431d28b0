import type { Command } from 'commander';
import { statsText } from '../stats/text.ts';
import { statsView } from '../stats/view.ts';
import { asClient } from './api-command.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

export function statsCommand(program: Command): void {
  asClient(program.command('stats'))
    .description('the installation at a glance: bots, schedules, runs, jobs, servers, processes')
    .addOption(watchFlag())
    .action(async (_flags: WatchFlags, command: Command) => {
      await show(
        command.optsWithGlobals<WatchFlags>(),
        async (api) => {
          const { stats } = await api.installation.getStats({});
          if (stats === undefined) throw new Error('The API has answered without statistics');
          return statsView(stats);
        },
        statsText,
      );
    });
}

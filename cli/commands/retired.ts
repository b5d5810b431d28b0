import type { Command } from 'commander';

/** Commands of the reference that ran inside a bot's container. */
const RETIRED_COMMANDS: Readonly<Record<string, string>> = {
  execute:
    'has no effect: nothing of the runtime runs inside a bot’s container any more. Bots are started by bot-runner, processor or up',
  daemon:
    'has no effect: code, state and logs of bots are carried by the runtime from outside. Nothing has to run beside a bot',
};

/** They still exist, so that old scripts and images do not fail; they do nothing, and say so. */
export function retiredCommands(program: Command): void {
  for (const [name, replacement] of Object.entries(RETIRED_COMMANDS))
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => console.error(`\`${name}\` ${replacement}.`));
}

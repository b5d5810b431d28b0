import type { Command } from 'commander';

/** Adds its commands to the program. */
type Add = (program: Command) => void;

/** In the order of the help. Each is loaded only where it is wanted: most need code that no other does. */
export const COMMANDS: readonly { names: readonly string[]; load: () => Promise<Add> }[] = [
  { names: ['up'], load: async () => (await import('./commands/up.ts')).upCommand },
  { names: ['deploy'], load: async () => (await import('./commands/deploy.ts')).deployCommand },
  { names: ['undeploy'], load: async () => (await import('./commands/undeploy.ts')).undeployCommand },
  { names: ['bots'], load: async () => (await import('./commands/bots.ts')).botsCommand },
  { names: ['rollouts'], load: async () => (await import('./commands/rollouts.ts')).rolloutsCommand },
  { names: ['explain'], load: async () => (await import('./commands/explain.ts')).explainCommand },
  { names: ['logs'], load: async () => (await import('./commands/logs.ts')).logsCommand },
  { names: ['events'], load: async () => (await import('./commands/events.ts')).eventsCommand },
  { names: ['query'], load: async () => (await import('./commands/query.ts')).queryCommand },
  { names: ['schedules'], load: async () => (await import('./commands/schedules.ts')).schedulesCommand },
  { names: ['runs'], load: async () => (await import('./commands/runs.ts')).runsCommand },
  { names: ['run-now'], load: async () => (await import('./commands/run-now.ts')).runNowCommand },
  { names: ['backfill'], load: async () => (await import('./commands/backfill.ts')).backfillCommand },
  { names: ['state'], load: async () => (await import('./commands/state.ts')).stateCommand },
  { names: ['queues'], load: async () => (await import('./commands/queues.ts')).queuesCommand },
  { names: ['stats'], load: async () => (await import('./commands/stats.ts')).statsCommand },
  { names: ['top'], load: async () => (await import('./commands/top.ts')).topCommand },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).auditCommand },
  { names: ['whoami'], load: async () => (await import('./commands/whoami.ts')).whoAmICommand },
  { names: ['bot-runner'], load: async () => (await import('./commands/bot-runner.ts')).botRunnerCommand },
  {
    names: ['bot-scheduler'],
    load: async () => (await import('./commands/bot-scheduler.ts')).botSchedulerCommand,
  },
  { names: ['processor'], load: async () => (await import('./commands/processor.ts')).processorCommand },
  {
    names: ['query-server'],
    load: async () => (await import('./commands/query-server.ts')).queryServerCommand,
  },
  {
    names: ['controller', 'dashboard'],
    load: async () => (await import('./commands/controller.ts')).controllerCommand,
  },
  { names: ['tokens'], load: async () => (await import('./commands/tokens.ts')).tokensCommand },
  {
    names: ['notifications'],
    load: async () => (await import('./commands/notifications.ts')).notificationsCommand,
  },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).doctorCommand },
  { names: ['gc'], load: async () => (await import('./commands/gc.ts')).gcCommand },
  { names: ['network'], load: async () => (await import('./commands/network.ts')).networkCommand },
  { names: ['egress'], load: async () => (await import('./commands/network.ts')).egressCommand },
  {
    names: ['installation'],
    load: async () => (await import('./commands/installation.ts')).installationCommand,
  },
  { names: ['settings'], load: async () => (await import('./commands/settings.ts')).settingsCommand },
  {
    names: ['completion', 'completion-ids'],
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
  { names: ['version'], load: async () => (await import('./commands/version.ts')).versionCommand },
  {
    names: ['execute', 'daemon'],
    load: async () => (await import('./commands/retired.ts')).retiredCommands,
  },
];

/** Prints a script that knows every command. */
const KNOWS_ALL = 'completion';

/** Those that a command line needs whose first word is this: all of them where it is no command’s, for help and suggestions. */
export function commandsFor(word: string | undefined): typeof COMMANDS {
  const wanted = word === KNOWS_ALL ? [] : COMMANDS.filter(({ names }) => names.includes(word ?? ''));
  return wanted.length > 0 ? wanted : COMMANDS;
}

/** The first word of a command line that is no flag, and no value of one. `valued`: the flags that take one. */
export function firstWord(argv: readonly string[], valued: ReadonlySet<string>): string | undefined {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) return word;
    if (valued.has(word)) index += 1;
  }
  return undefined;
}

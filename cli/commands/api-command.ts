import { Option, type Argument, type Command } from 'commander';
import type { Change } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import type { ServerFlags } from '../client/with-api.ts';
import { CliError, EXIT } from '../errors.ts';
import { nearest } from '../../model/nearest.ts';
import { jsonFlag } from './flags.ts';

/** What commands have in common that are clients of the control API. */
export type ApiFlags = ServerFlags & { json?: boolean };

/** What goes with whatever changes something. */
export type ChangeFlags = ApiFlags & { why: string; key?: string };

/** `command` with the flags by which a control API elsewhere is found. */
export const asClient = (command: Command): Command =>
  command
    .addOption(new Option('--server <url>', 'the control API to ask (THE0_SERVER); unset: here'))
    .addOption(new Option('--token-file <path>', 'file with the token for it (THE0_TOKEN_FILE)'))
    .addOption(jsonFlag());

/** A command that others stand below, and that lists by itself. */
export const group = (program: Command, name: string, description: string): Command =>
  asClient(program.command(name)).description(description);

/**
 * The list of a group, which is also what the group alone does. A word behind it that names neither is a command that there
 * is not.
 */
export function listOf(parent: Command, description: string, argument?: Argument): Command {
  const list = parent.command('list', { isDefault: true }).description(description).allowExcessArguments();
  parent.addHelpText(
    'after',
    `\nAlone it does what list does, with the flags of: ${parent.name()} list --help`,
  );
  if (argument !== undefined) list.addArgument(argument);
  const known = list.registeredArguments.length;
  return list.hook('preAction', () => {
    const [word] = list.args.slice(known);
    if (word === undefined) return;
    const near = nearest(
      known === 0 ? word : (list.args[0] ?? word),
      parent.commands.map((command) => command.name()),
    );
    throw new CliError(
      `There is no command ${JSON.stringify(list.args.join(' '))} of ${parent.name()}${near === undefined ? '' : `. Did you mean ${near}?`} Run with --help to see what there is.`,
      EXIT.usage,
    );
  });
}

/** For commands to which a reason belongs. */
export const changing = (command: Command): Command =>
  command
    .addOption(
      new Option('--reason, --why <text>', 'the reason, kept for those who wonder').makeOptionMandatory(),
    )
    .addOption(keyFlag());

/** For those that people have always done without saying why. */
export const changingAnyhow = (command: Command): Command =>
  command
    .addOption(
      new Option('--reason, --why <text>', 'the reason, kept for those who wonder').default(
        'asked for at a command line',
      ),
    )
    .addOption(keyFlag());

const keyFlag = (): Option =>
  new Option('--key <key>', 'with the same key again it is not done twice (idempotency key)');

export const changeOf = ({ why, key = '' }: ChangeFlags): Pick<Change, 'reason' | 'idempotencyKey'> => ({
  reason: why,
  idempotencyKey: key,
});

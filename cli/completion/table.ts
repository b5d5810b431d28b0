import type { Command, Option } from 'commander';
import { IdArgument, type IdKind } from '../commands/id-argument.ts';

export type Word = { name: string; about: string };

/** A flag of a command. `values`: those that it may have, where they are few; absent: it takes none, or any. */
export type Flag = Word & { takesValue: boolean; values?: readonly string[] };

/** What may stand behind a command: commands below it, flags, and ids in its places. */
export type Completed = {
  /** `''` for the program itself, else `bots show`. */
  path: string;
  words: Word[];
  flags: Flag[];
  ids: (IdKind | undefined)[];
};

/** The table of all commands, as shells complete them: made from the commands themselves, so it is never behind. */
export function completionTable(program: Command): Completed[] {
  return entries(program, '');
}

function entries(command: Command, path: string): Completed[] {
  const children = visible(command);
  // What the group does by itself takes what its list takes.
  const usual = children.find((child) => child.name() === 'list');
  const takers = usual === undefined ? [command] : [command, usual];
  return [
    {
      path,
      words: children.map((child) => ({ name: child.name(), about: aboutOf(child.description()) })),
      flags: distinct(takers.flatMap((each) => flagsOf(each))),
      ids: takers.flatMap(({ registeredArguments }) =>
        registeredArguments.map((argument) => (argument instanceof IdArgument ? argument.kind : undefined)),
      ),
    },
    ...children.flatMap((child) => entries(child, path === '' ? child.name() : `${path} ${child.name()}`)),
  ];
}

/** What the help shows, less the help itself. */
const visible = (command: Command): Command[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');

const flagsOf = (command: Command): Flag[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) => namesOf(option).map((name) => flagOf(option, name)));

const namesOf = ({ short, long }: Option): string[] =>
  [short, long].filter((name): name is string => name !== undefined && name.startsWith('--'));

const flagOf = ({ description, required, argChoices }: Option, name: string): Flag => ({
  name,
  about: aboutOf(description),
  takesValue: required,
  ...(argChoices === undefined ? {} : { values: argChoices }),
});

const distinct = (flags: readonly Flag[]): Flag[] => [
  ...new Map(flags.map((flag) => [flag.name, flag])).values(),
];

/** The beginning is enough beside a word, and no shell takes it for anything but text. */
const MOST = 70;
function aboutOf(description: string): string {
  const plain = description.replaceAll(/[\s'"`$\\:[\]]+/g, ' ').trim();
  return plain.length <= MOST ? plain : `${plain.slice(0, MOST - 1)}…`;
}

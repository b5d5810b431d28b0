import type { Command } from 'commander';
import { fencesOf, spansOf } from './markdown.ts';

/** What follows the program's name, up to what a shell takes for something else. */
const COMMAND_LINE = /(?<![\w/@.-])the0-runtime ((?:[^\n|&;#>)]|(?<=\S)\|(?=\S))+)/g;
/** Stands for something, or for more of the same. */
const PLACEHOLDER = /^(?:[A-Z][A-Z_]*|…|\.\.\.|<.*>)$/;

/** Each command line of the product in a Markdown text, without its name. */
export const commandLinesOf = (text: string): string[] =>
  [...fencesOf(text).map((fence) => fence.text), ...spansOf(text)].flatMap((code) =>
    [...code.matchAll(COMMAND_LINE)].map(([, line = '']) => line.trim()),
  );

/** Why a command line cannot be typed: a command, a flag or an argument that there is not; undefined where it can. */
export function commandLineProblem(program: Command, line: string): string | undefined {
  const words = wordsOf(line);
  let command = program;
  let given = 0;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('-') && word.length > 1) {
      const name = word.split('=')[0] ?? '';
      if (name === '--help' || name === '-h') return undefined;
      const option = optionOf(command, name);
      if (option === undefined) return `there is no flag ${name} of ${command.name()}`;
      const takesNext = option.required || (option.optional && /^[A-Z0-9]/.test(words[at + 1] ?? ''));
      if (takesNext && !word.includes('=')) at += 1;
      continue;
    }
    const below = command.commands.filter((one) =>
      namesOf(one).some((name) => word.split('|').includes(name)),
    );
    if (below.length > 0 && given === 0) {
      const wanted = word.split('|').filter((name) => !below.some((one) => namesOf(one).includes(name)));
      if (wanted.length > 0) return `there is no command ${wanted.join(', ')} of ${command.name()}`;
      command = below[0] ?? command;
      continue;
    }
    if (word === '…') continue;
    if (command === program && PLACEHOLDER.test(word)) return undefined;
    if (!takesMore(command, given)) return `${command.name()} takes no ${JSON.stringify(word)}`;
    given += 1;
  }
  return undefined;
}

const namesOf = (command: Command): string[] => [command.name(), ...command.aliases()];

/** Of a command, or of the list that it does by itself. */
const optionOf = (command: Command, name: string) =>
  [command, ...command.commands.filter((one) => one.name() === 'list')]
    .flatMap(({ options }) => options)
    .find(({ short, long }) => short === name || long === name);

function takesMore(command: Command, given: number): boolean {
  const list = command.commands.find((one) => one.name() === 'list');
  const known = (list ?? command).registeredArguments;
  return known.length > given || known.at(-1)?.variadic === true;
}

/** As a shell has them; what may be left out is part of the line as well. */
const wordsOf = (line: string): string[] =>
  (line.replaceAll(/\|(?=-)/g, ' ').match(/"[^"]*"|'[^']*'|\S+/g) ?? [])
    .map((word) => word.replaceAll(/^\[|\]$/g, ''))
    .filter((word) => word !== '');

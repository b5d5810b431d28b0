import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMANDS, commandsFor, firstWord } from './command-list.ts';
import { buildProgram } from './program.ts';

it.each(COMMANDS.map((entry) => [entry.names.join(', '), entry] as const))(
  '%s: is what its file adds',
  async (_names, { names, load }) => {
    const program = new Command();
    (await load())(program);
    const added = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    expect(added).toEqual(names);
  },
);

describe('a command line', () => {
  const namesFor = async (...argv: string[]) =>
    (await buildProgram(argv)).commands.map((command) => command.name());

  it('loads the command that it names, wherever the global flags stand', async () => {
    for (const argv of [
      ['bots', 'deploy'],
      ['--log-level', 'debug', 'bots', '--log-level', 'x'],
      ['--log-level=debug', 'bots'],
      // A value may look like a command.
      ['--mongo-uri', 'deploy', 'bots'],
    ])
      expect(await namesFor(...argv), argv.join(' ')).toEqual(['bots']);
    expect(await namesFor('dashboard')).toEqual(['controller']);
  });

  it('loads all for help, a word that is none, and the completion’s script', async () => {
    const all = await namesFor();
    expect(all.length).toBeGreaterThan(30);
    for (const argv of [['--help'], ['help', 'bots'], ['bts'], ['completion', 'bash'], ['--version']])
      expect(await namesFor(...argv), argv.join(' ')).toEqual(all);
  });
});

it('the first word is no flag and no value of one', () => {
  const valued = new Set(['--url']);
  expect(firstWord(['--url', 'a', '-x', 'b', 'c'], valued)).toBe('b');
  expect(firstWord(['--url=a', 'b'], valued)).toBe('b');
  expect(firstWord(['--url'], valued)).toBeUndefined();
  expect(commandsFor(firstWord([], valued))).toBe(COMMANDS);
});

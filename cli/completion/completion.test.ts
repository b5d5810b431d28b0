import { execFileSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { IdArgument } from '../commands/id-argument.ts';
import { buildProgram } from '../program.ts';
import { completionScript, SHELLS } from './scripts.ts';
import { completionTable } from './table.ts';

function small(): Command {
  const program = new Command('the0-runtime').option('--server <url>', 'where it’s "asked"');
  const bots = program.command('bots').description('bots: all of them');
  const list = bots.command('list', { isDefault: true }).description('list');
  list.addOption(new Option('--sort <order>', 'order').choices(['id', 'name']));
  bots
    .command('show')
    .option('-w, --watch [seconds]', 'again and again')
    .addArgument(new IdArgument('<id>', 'bot'));
  program.command('deploy').argument('<folder>').option('--reason, --why <text>', 'why');
  program.command('daemon', { hidden: true });
  return program;
}

describe('the table', () => {
  const table = completionTable(small());
  const at = (path: string) => table.find((entry) => entry.path === path);

  it('has every command that help shows, and the list’s flags at its group', () => {
    expect(table.map(({ path }) => path)).toEqual(['', 'bots', 'bots list', 'bots show', 'deploy']);
    expect(at('bots')?.flags.map(({ name }) => name)).toContain('--sort');
    expect(at('bots list')?.flags[0]).toMatchObject({ takesValue: true, values: ['id', 'name'] });
    expect(at('bots show')?.ids).toEqual(['bot']);
    expect(at('deploy')).toMatchObject({ ids: [undefined] });
    expect(at('deploy')?.flags.map(({ name }) => name)).toEqual(['--reason', '--why', '--help']);
  });

  it('is told in words that no shell takes for anything but text', () => {
    expect(at('')?.flags[0]?.about).toBe('where it’s asked');
    expect(at('')?.words[0]?.about).toBe('bots all of them');
  });
});

describe('bash', () => {
  /** What it offers behind these words, the last of them being typed. */
  const offered = (...words: string[]): string[] => {
    const script = completionScript('bash', completionTable(small()), 'printf "%s-1\\n"');
    const run = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _the0_runtime; echo "\${COMPREPLY[@]}"`;
    const printed = execFileSync('bash', ['-c', run, 'bash', 'the0-runtime', ...words], {
      cwd: import.meta.dirname,
    });
    return printed.toString().trim().split(/\s+/).filter(Boolean);
  };

  it.each([
    [['b'], ['bots']],
    [
      ['bots', ''],
      ['list', 'show'],
    ],
    [['--server', 'bots', 'bots', 's'], ['show']],
    [['bots', '--so'], ['--sort']],
    [
      ['bots', '--sort', ''],
      ['id', 'name'],
    ],
    [['bots', 'show', ''], ['bot-1']],
    [['bots', 'show', 'b1', ''], []],
    [['bots', 'show', 'b1', '--w'], ['--watch']],
    // A path.
    [['deploy', 'READ'], []],
    [['deploy', 'scri'], ['scripts.ts']],
    [['deploy', '--why', 'scri'], ['scripts.ts']],
  ])('%j', (words, found) => {
    expect(offered(...words)).toEqual(found);
  });
});

it('every shell is told every command of the program, and asks for the ids of each kind', async () => {
  const table = completionTable(await buildProgram());
  expect(table.length).toBeGreaterThan(50);
  for (const shell of SHELLS) {
    const script = completionScript(shell, table, 'ask-for');
    for (const { path } of table.filter((entry) => entry.path !== '')) expect(script).toContain(`' ${path}'`);
    expect(script).not.toContain('completion-ids');
    expect(script).toContain('ask-for');
  }
  execFileSync('bash', ['-n'], { input: completionScript('bash', table, 'ask-for') });
});

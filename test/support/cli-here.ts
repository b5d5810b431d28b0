import { vi } from 'vitest';
import { run } from '../../cli/program.ts';
import type { Outcome } from './cli.ts';

/**
 * A command of the command line within this process, which costs a tenth of one of its own. `environment` is all that it gets.
 * One at a time: what the process prints meanwhile is taken for the command's.
 */
export async function runCliHere(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const taken = (to: 'stdout' | 'stderr') => (text: unknown) => {
    printed[to] += typeof text === 'string' ? text : String(text);
    return true;
  };
  const { env } = process;
  const spies = [
    vi.spyOn(console, 'log').mockImplementation((text: unknown) => void taken('stdout')(`${String(text)}\n`)),
    vi
      .spyOn(console, 'error')
      .mockImplementation((text: unknown) => void taken('stderr')(`${String(text)}\n`)),
    vi.spyOn(process.stdout, 'write').mockImplementation(taken('stdout')),
    vi.spyOn(process.stderr, 'write').mockImplementation(taken('stderr')),
  ];
  process.env = { PATH: env['PATH'], HOME: env['HOME'], ...environment };
  try {
    return { code: (await run(args)) ?? 0, signal: null, ...printed };
  } finally {
    process.env = env;
    for (const spy of spies) spy.mockRestore();
  }
}

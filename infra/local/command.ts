import { spawn } from 'node:child_process';
import type { Environment } from './types.ts';

export type CommandResult = { code: number | null; output: string };

export type CommandOptions = { environment?: Environment; timeoutMs?: number; cwd?: string };

/** Runs a program to its end; rejects only when it cannot be started or does not end in time. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { environment = process.env, timeoutMs = 60_000, cwd } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...environment }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} did not end within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

/** The end of a program's output, where it says why. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

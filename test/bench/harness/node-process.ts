import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NodeProcess, NodeProcessOptions } from './types.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const KEPT_CHARACTERS = 20_000;
/** Set by `--profile`: where every process of a bench leaves its CPU profile. */
export const PROFILE_SETTING = 'BENCH_PROFILES';
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', PROFILE_SETTING];

/** A Node process from a script of the tree. Its caller ends it. */
export function spawnNode(options: NodeProcessOptions): NodeProcess {
  const { script, args = [], environment = {}, nodeOptions = [] } = options;
  const inherited = Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const profiles = environment[PROFILE_SETTING] ?? process.env[PROFILE_SETTING];
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const child = spawn(process.execPath, [...profiling, ...nodeOptions, script, ...args], {
    cwd: ROOT,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: string): void => {
    output = `${output}${text}`.slice(-KEPT_CHARACTERS);
  };
  const waiting = new Set<(line: string) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    keep(`${line}\n`);
    for (const look of [...waiting]) look(line);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    keep(chunk.toString());
    options.onErrorText?.(chunk.toString());
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', (error) => {
      keep(`${error.message}\n`);
      resolve({ code: 1, signal: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });

  async function line(check: (line: string) => boolean, timeoutMs = 30_000): Promise<string> {
    const found = Promise.withResolvers<string>();
    const look = (text: string): void => {
      if (check(text)) found.resolve(text);
    };
    const timer = setTimeout(
      () => found.reject(new Error(`${script} printed no such line within ${timeoutMs} ms:\n${output}`)),
      timeoutMs,
    );
    waiting.add(look);
    void ended.then(({ code, signal }) =>
      found.reject(new Error(`${script} ended (${signal ?? `code ${code ?? 0}`}):\n${output}`)),
    );
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(look);
    }
  }

  return {
    pid: child.pid ?? 0,
    line,
    kill: (signal) => void child.kill(signal),
    ended,
    output: () => output,
  };
}

/** SIGTERM, and after the grace SIGKILL; resolves when it has ended. */
export async function endProcess(child: NodeProcess, graceMs = 5_000): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await child.ended;
  clearTimeout(timer);
}

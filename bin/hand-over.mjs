// Runs the project's Node in our place: same terminal, same signals, same end.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

const FROM_TERMINALS = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/** `settings` are environment variables for it, where they are not set already. */
export function handOver(command, args, settings) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...settings, ...process.env } });
  const forward = (signal) => {
    // A terminal sends these to its whole foreground group: the child has Ctrl-C already, and a second one means "now".
    if (FROM_TERMINALS.has(signal) && inForegroundOfTerminal()) return;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGQUIT'];
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => {
    console.error(`${command} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of signals) process.removeListener(each, forward);
    // Whoever waits for us sees the same end as the child's; the exit code is for signals that cannot end us.
    process.exitCode = 128 + (constants.signals[signal] ?? 0);
    process.kill(process.pid, signal);
  });
}

/** Whether our process group is the one that a terminal's keys are sent to. */
export function inForegroundOfTerminal() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    // No /proc: a terminal on any of our streams is the best sign there is.
    return Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  }
}

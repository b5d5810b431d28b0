import { spawnSync } from 'node:child_process';
import { findOnPath } from './find.ts';

let prefix: readonly string[] | undefined;

/**
 * What to put before a command so that the kernel kills it when we die, however we die. Empty where there is no such
 * thing: then the pid file lets the next run clean up. The kernel watches the thread that started the child, so a
 * server started from a worker thread ends with that thread.
 */
export function deathWatch(path: string | undefined = process.env['PATH']): readonly string[] {
  prefix ??= detect(path);
  return prefix;
}

function detect(path: string | undefined): readonly string[] {
  const setpriv = process.platform === 'linux' ? findOnPath(['setpriv'], path) : undefined;
  if (setpriv === undefined) return [];
  // Others (BusyBox) have a setpriv without this option.
  const works = spawnSync(setpriv, ['--pdeathsig', 'KILL', '--', 'true'], { stdio: 'ignore' }).status === 0;
  return works ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
}

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inForegroundOfTerminal } from '../bin/hand-over.mjs';
import { closingLine, exitCodeOf, tally, type VitestReport } from './tally.ts';

/** `npm test [-- vitest's arguments]`: all projects, and a last line that any CI can read. */
const root = fileURLToPath(new URL('..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'the0-report-'));
const outputFile = join(dir, 'report.json');

const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${outputFile}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
// Vitest stops the servers, and we stay to print the count. A terminal's Ctrl-C has reached it already.
process.on('SIGINT', () => void (inForegroundOfTerminal() || child.kill('SIGINT')));
process.on('SIGTERM', () => void child.kill('SIGTERM'));
child.on('exit', (code) => {
  const counted = tally(readReport(), code);
  rmSync(dir, { recursive: true, force: true });
  for (const remark of counted.remarks) console.error(remark);
  console.log(closingLine(counted));
  process.exitCode = exitCodeOf(counted);
});

function readReport(): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(outputFile, 'utf8')) as VitestReport;
  } catch {
    // Vitest ended before it wrote one, and has said why.
    return undefined;
  }
}

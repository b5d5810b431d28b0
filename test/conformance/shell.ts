import type { Engine } from '../../infra/engine/port.ts';
import type { FakeProgram } from '../../infra/engine/fake/program.ts';

/** A described program as a shell script, so that a real container behaves as a fake one would. */
export function shellCommand(program: FakeProgram): string[] {
  if (program.startError !== undefined) return ['/no/such/program'];
  const lines: string[] = [];
  if (program.onTerm === 'ignore') lines.push(`trap '' TERM`);
  else if (program.onTerm !== undefined) {
    const { exitCode, afterMs = 0, text = '' } = program.onTerm;
    lines.push(
      `onterm() { printf %s ${quote(text)}; sleep ${afterMs / 1000}; exit ${exitCode}; }`,
      'trap onterm TERM',
    );
  }
  for (const { text, stream = 'stdout', afterMs = 0 } of program.output ?? []) {
    if (afterMs > 0) lines.push(`sleep ${afterMs / 1000}`);
    lines.push(`printf %s ${quote(text)}${stream === 'stderr' ? ' >&2' : ''}`);
  }
  if (program.exitCode === undefined) {
    if (program.busy === true) lines.push('while :; do :; done &');
    // A shell runs its traps only between commands, or while it waits.
    lines.push('while :; do sleep 1 & wait $!; done');
  } else {
    lines.push(`sleep ${(program.exitAfterMs ?? 0) / 1000}`, `exit ${program.exitCode}`);
  }
  return ['sh', '-c', lines.join('\n')];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const CANDIDATES = ['python:3.11-slim', 'ubuntu:24.04'];

/** The id of an image to test with. `TEST_IMAGE` names another one. */
export async function testImage(engine: Engine): Promise<string> {
  const given = process.env['TEST_IMAGE'];
  for (const reference of given === undefined ? CANDIDATES : [given]) {
    const id = await engine.resolveImage(reference);
    if (id !== undefined) return id;
  }
  throw new Error(`None of the images ${CANDIDATES.join(', ')} is present: run "npm run images" first`);
}

/**
 * What a fake container does. Tests write one as a command: `fakeProgram({ exitCode: 3 })`. Any other command runs
 * until it is stopped and then ends with 143, as a program does that leaves SIGTERM to the init process.
 */
export type FakeProgram = {
  output?: readonly { text: string; stream?: 'stdout' | 'stderr'; afterMs?: number }[];
  /** Ends by itself with this, `exitAfterMs` after the start; unset: runs on. */
  exitCode?: number;
  exitAfterMs?: number;
  /** What SIGTERM does. Default: ends at once with 143. */
  onTerm?: 'ignore' | { exitCode: number; afterMs?: number; text?: string };
  /** Keeps a processor busy as long as it runs. */
  busy?: true;
  /** The engine cannot start it: the message. */
  startError?: string;
};

const PROGRAM = 'fake-program';

export function fakeProgram(program: FakeProgram): string[] {
  return [PROGRAM, JSON.stringify(program)];
}

export function programOf(command: readonly string[]): FakeProgram {
  return command[0] === PROGRAM ? (JSON.parse(command[1] ?? '{}') as FakeProgram) : {};
}

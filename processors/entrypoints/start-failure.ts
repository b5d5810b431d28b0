const BEGINNING = '{"level":"error","message":"Failed to start process: ';

/**
 * In plain words what `launch.sh` says where it cannot start the bot’s program: a line of JSON, as the platform shows it.
 * Undefined: any other line.
 */
export function startFailure(line: string): string | undefined {
  if (!line.startsWith(BEGINNING)) return undefined;
  try {
    return (JSON.parse(line) as { message: string }).message;
  } catch {
    return undefined;
  }
}

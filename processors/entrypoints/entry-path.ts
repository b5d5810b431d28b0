import { LaunchRefused, shown } from './errors.ts';

/** Longest path that the kernel resolves, less what stands before it in the container. */
const MAX_PATH_BYTES = 4000;

/**
 * Checks a path inside the code archive and returns it without `.` segments and doubled slashes.
 * Throws `LaunchRefused` (`missing_entry_point`, `bad_entry_point`) naming the field, the value and the cure.
 */
export function entryPath(field: string, value: unknown): string {
  if (value === undefined || value === null || value === '')
    throw new LaunchRefused(
      'missing_entry_point',
      field,
      `${field} is missing: name the file to run, such as "main.py"`,
    );
  const problem = pathProblem(value);
  if (problem !== undefined)
    throw new LaunchRefused(
      'bad_entry_point',
      field,
      `${field} is ${shown(value)}, which ${problem}: give a path inside the code archive, such as "main.py"`,
    );
  return segments(value as string).join('/');
}

const segments = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

function pathProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is not a string';
  if (value.startsWith('/')) return 'is an absolute path';
  if (value.includes('\\')) return 'contains a backslash';
  // The kernel ends a path at NUL, and the others would forge lines of a log.
  if ([...value].some((character) => character < ' ' || character === '\x7f'))
    return 'contains a control character';
  if (Buffer.byteLength(value) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const parts = segments(value);
  if (parts.includes('..')) return 'leaves the archive by ".."';
  if (parts.length === 0 || value.endsWith('/') || value.endsWith('/.')) return 'names a directory';
  return undefined;
}

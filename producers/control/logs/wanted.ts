import { readLine } from '../../../model/read-line.ts';

/** Which lines of a log are wanted; each absent part: any. `toMs`: none that is newer. */
export type LineFilter = { levels?: ReadonlySet<string>; text?: string; sinceMs?: number; toMs?: number };

/** What decides whether a line is wanted. A line that names no time is of any time. */
export function wanting({ levels, text, sinceMs, toMs }: LineFilter): (line: string) => boolean {
  const part = text?.toLowerCase();
  const needsReading = levels !== undefined || sinceMs !== undefined || toMs !== undefined;
  return (line) => {
    if (part !== undefined && !line.toLowerCase().includes(part)) return false;
    if (!needsReading) return true;
    const { level, atMs } = readLine(line);
    if (levels !== undefined && (level === undefined || !levels.has(level))) return false;
    if (atMs === undefined) return true;
    return (sinceMs === undefined || atMs >= sinceMs) && (toMs === undefined || atMs <= toMs);
  };
}

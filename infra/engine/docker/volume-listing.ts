import { setImmediate as breathe } from 'node:timers/promises';
import type { VolumeFile, VolumeListing } from '../port.ts';
import { walkVolume } from '../volume-walk.ts';

/** Entries between two breaths: other work of the process waits that long, a few milliseconds. */
const AT_ONCE = 500;

/** Lists a volume at its mount point. */
export async function listLocally(
  root: string,
  maxFiles: number,
  signal: AbortSignal | undefined,
): Promise<VolumeListing> {
  const files: VolumeFile[] = [];
  let complete = true;
  let tooDeep: string | undefined;
  for (const walked of walkVolume(root)) {
    if (walked.kind === 'skipped') {
      if (!walked.cut) continue;
      complete = false;
      tooDeep ??= walked.path;
      continue;
    }
    if (files.length >= maxFiles) {
      complete = false;
      break;
    }
    const { path, type, stats } = walked;
    files.push({
      path,
      type,
      bytes: type === 'file' ? Number(stats.size) : 0,
      mtimeNs: String(stats.mtimeNs),
      ctimeNs: String(stats.ctimeNs),
      mode: Number(stats.mode) & 0o7777,
    });
    if (files.length % AT_ONCE === 0) {
      await breathe();
      signal?.throwIfAborted();
    }
  }
  return { files, complete, ...(tooDeep === undefined ? {} : { tooDeep }) };
}

/** Where a helper finds volume number `index`. */
export const helperMount = (index: number): string => `/the0/volumes/${index}`;

/**
 * A shell program that lists `count` volumes for `parseListing`. `mark` cannot be guessed by whoever chooses the names of
 * files. Made of what every image has, also those with busybox: one `stat` for many files. The end mark bears the exit
 * status of `find`, past the pipe, which would only tell that of `head`.
 */
export function listingScript(mark: string, count: number, maxFiles: number): string {
  const mounts = Array.from({ length: count }, (_, index) => helperMount(index));
  const each = mounts.map((mount, index) => {
    const find = `find ${mount} -mindepth 1 -exec stat -c '${mark}=%f %s %y|%z|%n' {} + 2>/dev/null`;
    return `printf '\\n${mark}+${index}\\n'
status=$( { { ${find}; echo $? >&3; } | head -n ${maxFiles + 1} >&4; } 3>&1 )
printf '\\n${mark}-${index} %s\\n' "$status"`;
  });
  return ['exec 4>&1', ...each].join('\n');
}

/**
 * What a helper printed, by number of the volume. A volume whose beginning or end is missing (the engine's own log was
 * outrun) is absent.
 */
export function parseListing(output: string, mark: string, maxFiles: number): Map<number, VolumeListing> {
  const listings = new Map<number, VolumeListing>();
  let open: { index: number; files: VolumeFile[]; lines: number } | undefined;
  for (const record of output.split(mark).slice(1)) {
    const index = Number(/^[+-](\d+)/.exec(record)?.[1] ?? Number.NaN);
    if (record.startsWith('+')) open = { index, files: [], lines: 0 };
    else if (record.startsWith('-')) {
      if (open?.index === index) {
        // Where there is more than is asked for, whoever cuts it off ends `find` as well.
        const isMore = open.lines > maxFiles;
        const unread = !isMore && !wasWalked(record);
        const files = open.files.sort(byPath);
        listings.set(index, { files, complete: !isMore && !unread, ...(unread ? { unread } : {}) });
      }
      open = undefined;
    } else if (open !== undefined) {
      const file = parseFile(record, helperMount(open.index));
      open.lines += record.split('\n').length - 1;
      if (file !== undefined && open.files.length < maxFiles) open.files.push(file);
    }
  }
  return listings;
}

/** What was printed of a volume that was listed alone, and whose beginning is missing, was more than the engine keeps. */
export const isOutrun = (output: string, mark: string): boolean => output.includes(`${mark}-0 `);

/** `find` went to the end. It ends with 1 for what vanished meanwhile too; from 128 on, somebody killed it. */
function wasWalked(endMark: string): boolean {
  const status = /^-\d+ (\d+)\n/.exec(endMark)?.[1];
  return status !== undefined && Number(status) < 128;
}

const RECORD = /^=([0-9a-f]+) (\d+) ([^|]+)\|([^|]+)\|([^]*?)\n*$/;

function parseFile(record: string, mount: string): VolumeFile | undefined {
  const [, mode = '', bytes = '', mtime = '', ctime = '', name = ''] = RECORD.exec(record) ?? [];
  if (!name.startsWith(`${mount}/`)) return undefined;
  const bits = Number.parseInt(mode, 16);
  const type = typeOfMode(bits);
  return {
    path: name.slice(mount.length + 1),
    type,
    bytes: type === 'file' ? Number(bytes) : 0,
    mtimeNs: nanoseconds(mtime),
    ctimeNs: nanoseconds(ctime),
    mode: bits & 0o7777,
  };
}

function typeOfMode(bits: number): VolumeFile['type'] {
  switch (bits & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'link';
    default:
      return 'other';
  }
}

/** `2026-11-24 03:04:05.123456789 +0000`, with or without the fraction and the zone, which is UTC. */
function nanoseconds(text: string): string {
  const [, seconds = '', fraction = ''] = /^(\d+-\d+-\d+ \d+:\d+:\d+)(?:\.(\d+))?/.exec(text) ?? [];
  const ms = Date.parse(`${seconds.replace(' ', 'T')}Z`);
  if (Number.isNaN(ms)) return '0';
  return String(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9)));
}

const byPath = (a: VolumeFile, b: VolumeFile): number => (a.path < b.path ? -1 : 1);

import type { Collected } from './archive-tar.ts';
import { scanArchive, unpackedLimit, type LocalArchive, type ScanLimits } from './archive-scan.ts';
import { gunzipped } from './gzip.ts';
import type { Spool } from './spool.ts';
import { readTar } from './tar-reader.ts';

/** Files as an archive has them, of those that are asked for. Throws `BadState`, `StateTooLarge`. */
export async function previousVersions(
  archive: LocalArchive,
  paths: readonly string[],
  spool: Spool,
  limits: ScanLimits,
): Promise<Collected[]> {
  const scan = await scanArchive(archive, limits);
  const wanted = new Map(
    scan.entries.flatMap((entry) => {
      const place = scan.places.get(entry.path);
      return place !== undefined && paths.includes(entry.path) ? [[place, entry] as const] : [];
    }),
  );
  const found: Collected[] = [];
  let place = -1;
  for await (const { body } of readTar(gunzipped(archive.file, archive.bytes, unpackedLimit(limits)))) {
    place += 1;
    const entry = wanted.get(place);
    if (entry !== undefined) found.push({ ...entry, spooled: await spool.add(body) });
  }
  return found;
}

/** The contract's key of a bot's state. */
export const archiveKey = (id: string): string => `${id}/state.tar.gz`;

/** Below it are a bot's earlier archives. */
export const historyPrefix = (id: string): string => `.history/${id}/`;

const SUFFIX = '.tar.gz';

/** Of an archive that was replaced at `at`. Names sort by time. */
export function historyKey(id: string, at: Date, etag: string): string {
  return `${historyPrefix(id)}${at.toISOString().replaceAll(/[-:.]/g, '')}${historyEnd(etag)}`;
}

/** How the key of that archive ends, whenever it was replaced. */
export const historyEnd = (etag: string): string => `-${etag.slice(0, 8)}${SUFFIX}`;

/** The name by which a person asks for an earlier archive; undefined for what is none. */
export function nameOfHistoryKey(id: string, key: string): string | undefined {
  const prefix = historyPrefix(id);
  if (!key.startsWith(prefix) || !key.endsWith(SUFFIX)) return undefined;
  const name = key.slice(prefix.length, -SUFFIX.length);
  return name === '' || name.includes('/') ? undefined : name;
}

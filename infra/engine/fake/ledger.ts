/** Everything that happened to containers, in order: the proof that no bot ever ran twice. */
export type LedgerEntry = {
  type: 'created' | 'started' | 'ended' | 'removed';
  atMs: number;
  /** Position in the order of events, which the clock may not tell. */
  sequence: number;
  installation: string;
  containerId: string;
  name: string;
  /** Label `runtime.id`; the name where there is none. */
  botId: string;
  exitCode?: number;
};

export type Overlap = { botId: string; first: string; second: string; atMs: number };

/** Every moment at which a container of a bot was started while another of the same bot still ran. Pure. */
export function findOverlaps(entries: readonly LedgerEntry[]): Overlap[] {
  const running = new Map<string, Set<string>>();
  const overlaps: Overlap[] = [];
  for (const entry of [...entries].sort((a, b) => a.sequence - b.sequence)) {
    const key = `${entry.installation} ${entry.botId}`;
    const mine = running.get(key) ?? new Set<string>();
    running.set(key, mine);
    if (entry.type === 'started') {
      for (const first of mine)
        overlaps.push({ botId: entry.botId, first, second: entry.containerId, atMs: entry.atMs });
      mine.add(entry.containerId);
    } else if (entry.type === 'ended') {
      mine.delete(entry.containerId);
    }
  }
  return overlaps;
}

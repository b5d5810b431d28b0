/** Times in seconds and values, as the charts take them; null where there is nothing. */
export type Points = { seconds: number[]; values: (number | null)[] };

/**
 * Spans in which nothing ran have no point: the line breaks there instead of running across. `items`: oldest first.
 * `stepMs`: how long each stands for; 0: not known.
 */
export function withGaps<T>(
  items: readonly T[],
  stepMs: number,
  timeMs: (item: T) => number,
  value: (item: T) => number,
): Points {
  const seconds: number[] = [];
  const values: (number | null)[] = [];
  let beforeMs: number | undefined;
  for (const item of items) {
    const atMs = timeMs(item);
    if (beforeMs !== undefined && stepMs > 0 && atMs - beforeMs > 2.5 * stepMs) {
      seconds.push((beforeMs + stepMs) / 1_000);
      values.push(null);
    }
    seconds.push(atMs / 1_000);
    values.push(value(item));
    beforeMs = atMs;
  }
  return { seconds, values };
}

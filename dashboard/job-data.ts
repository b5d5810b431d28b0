/** What a job's data say by our own schemas (`queues/names.ts`): who and why. */
const SHOWN = new Set([
  'botId',
  'runId',
  'scheduleId',
  'cause',
  'traceparent',
  'request',
  'dryRun',
  'confirmed',
]);

/** A job's data as people see them. Of what else somebody may have put there only the names are told. */
export function shownData(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) return {};
  const entries = Object.entries(data);
  const hidden = entries.map(([name]) => name).filter((name) => !SHOWN.has(name));
  return {
    ...Object.fromEntries(entries.filter(([name]) => SHOWN.has(name))),
    ...(hidden.length === 0 ? {} : { hidden }),
  };
}

/** A sweep tells what it found; what others return is for those who asked. */
export const shownResult = (queue: string, result: unknown): unknown =>
  queue === 'engine-sweep' ? result : null;

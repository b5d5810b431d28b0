import { signal } from '@preact/signals';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Stats } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { learnTime } from '../api/clock.ts';
import { installation } from '../api/clients.ts';
import { connection } from '../api/connection.ts';

/** The installation as a whole, as of a few seconds ago. Undefined until it is known. */
export const stats = signal<Stats | undefined>(undefined);

const EVERY_MS = 10_000;

/** Reads it now; tells the server's time on the way. Failures show where something else fails, too. */
export async function readStats(): Promise<void> {
  const sentMs = performance.now();
  const { stats: answer } = await installation.getStats({});
  if (answer?.now !== undefined) learnTime(timestampMs(answer.now), sentMs, performance.now());
  stats.value = answer;
}

export function startStats(): void {
  const read = (): void => void readStats().catch(() => undefined);
  read();
  setInterval(() => {
    if (!document.hidden && connection.peek().state === 'up') read();
  }, EVERY_MS);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) read();
  });
}

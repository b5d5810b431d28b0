import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Stats } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { SchedulePhase } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { counted, lasting } from '../parts/format.ts';
import { hrefs } from '../shell/routes.ts';

export type Notice = { text: string; href: string; tone: 'trouble' | 'waiting' };

/** A job that nobody took for so long has nobody to take it. */
const LONG_WAIT_MS = 60_000;
/** As `/readyz` has it: from here on a clock makes ticks late or early. */
const SKEW_MS = 500;

/** What of the installation, besides its bots, an operator should look at: the worst first. */
export function attentionOf(stats: Stats): Notice[] {
  const notices: Notice[] = [];
  for (const { name, reachable, problem } of stats.servers)
    if (!reachable)
      notices.push({
        text: `${name} does not answer${problem === '' ? '' : `: ${problem}`}`,
        href: hrefs.system,
        tone: 'trouble',
      });
  const waitingMs = stats.oldestWaiting === undefined ? 0 : durationMs(stats.oldestWaiting);
  if (stats.jobsWaiting > 0n && waitingMs > LONG_WAIT_MS)
    notices.push({
      text: `${counted(Number(stats.jobsWaiting), 'job waits', 'jobs wait')}, the oldest for ${lasting(waitingMs)}`,
      href: '/queues',
      tone: 'trouble',
    });
  const invalid = stats.schedules.find(({ phase }) => phase === SchedulePhase.INVALID)?.count ?? 0;
  if (invalid > 0)
    notices.push({
      text: `${counted(invalid, 'schedule')} cannot be run`,
      href: `${hrefs.schedules}?phase=invalid`,
      tone: 'trouble',
    });
  for (const { name, clockSkew } of stats.servers) {
    const skewMs = clockSkew === undefined ? 0 : Math.abs(durationMs(clockSkew));
    if (skewMs > SKEW_MS)
      notices.push({
        text: `The clock of ${name} differs by ${lasting(skewMs)}`,
        href: hrefs.system,
        tone: 'waiting',
      });
  }
  if (stats.poisonEvents > 0n)
    notices.push({
      text: `${counted(Number(stats.poisonEvents), 'event')} of the platform could not be understood`,
      href: hrefs.system,
      tone: 'waiting',
    });
  return notices;
}

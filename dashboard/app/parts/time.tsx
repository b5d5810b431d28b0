import { now } from '../api/clock.ts';
import { due, lasting, moment, relative, utc } from './format.ts';

type Props = {
  /** Milliseconds since the epoch, by the server's clock; undefined: there is no such time. */
  ms: number | undefined;
  /** `at`: on the viewer's clocks; `ago`: how long ago, or in how long; `due`: in how long, or by how much too late; `for`: how long it has lasted. UTC is in the title. */
  as?: 'at' | 'ago' | 'due' | 'for';
  none?: string;
};

export function Time({ ms, as = 'at', none = '–' }: Props) {
  if (ms === undefined || ms <= 0) return <span class="soft">{none}</span>;
  const nowMs = now.value;
  const text =
    as === 'at'
      ? moment(ms, nowMs)
      : as === 'ago'
        ? relative(ms, nowMs)
        : as === 'due'
          ? due(ms, nowMs)
          : lasting(Math.max(1_000, nowMs - ms));
  return (
    <time
      dateTime={new Date(ms).toISOString()}
      title={as === 'at' ? utc(ms) : `${moment(ms, nowMs)} (${utc(ms)})`}
    >
      {text}
    </time>
  );
}

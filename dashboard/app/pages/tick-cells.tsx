import { Component } from 'preact';
import {
  bucketsOf,
  isBeyond,
  placesBefore,
  sameTicks,
  spanOf,
  type Bucket,
  type Known,
  type Scale,
  type Span,
  type Tick,
} from '../data/calendar.ts';
import { clockTime, moment, utc } from '../parts/format.ts';
import { Mark } from '../parts/mark.tsx';
import { RUN_LOOKS } from '../parts/words.ts';
import { hrefs } from '../shell/routes.ts';
import { moveAmongCells } from './cell-keys.ts';

const WEEK = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const DAYS = WEEK.length;

type Props = { scale: Scale; span: Span; ticks: readonly Tick[]; known: Known; nowMs: number };

/** A cell for each tick, in a place for each day, hour or minute. */
export function Calendar({ scale, span, ticks, known, nowMs }: Props) {
  const buckets = bucketsOf(scale, span, ticks);
  const first = buckets.findIndex(({ ticks: some }) => some.some(({ run }) => run !== undefined));
  const before = scale === 'month' ? placesBefore(span) : 0;
  const after = scale === 'month' ? (DAYS - ((before + buckets.length) % DAYS)) % DAYS : 0;
  const todayMs = spanOf('day', nowMs).fromMs;
  return (
    <div
      class={`calendar ${scale}`}
      role="group"
      aria-label="Ticks; arrows go from one to the next"
      onKeyDown={moveAmongCells}
    >
      {scale === 'month'
        ? WEEK.map((day) => (
            <span key={day} class="weekday">
              {day}
            </span>
          ))
        : null}
      {Array.from({ length: before }, (_, at) => (
        <span key={`before ${at}`} class="no-day" />
      ))}
      {buckets.map((bucket, at) => (
        <Part
          key={bucket.fromMs}
          bucket={bucket}
          label={scale === 'month' ? String(at + 1) : clockTime(bucket.fromMs).slice(0, 5)}
          isNow={nowMs >= bucket.fromMs && nowMs < bucket.toMs}
          isBeyond={isBeyond(bucket, known)}
          isFirst={at === first}
          todayMs={todayMs}
        />
      ))}
      {Array.from({ length: after }, (_, at) => (
        <span key={`after ${at}`} class="no-day" />
      ))}
    </div>
  );
}

type PartProps = {
  bucket: Bucket;
  label: string;
  isNow: boolean;
  isBeyond: boolean;
  isFirst: boolean;
  /** When the day began by which times are written. */
  todayMs: number;
};

/** Drawn anew where one of its ticks changed: a tick each second changes one of sixty. */
class Part extends Component<PartProps> {
  override shouldComponentUpdate(next: PartProps): boolean {
    const { bucket, label, isNow, isBeyond: beyond, isFirst, todayMs } = this.props;
    return !(
      sameTicks(bucket.ticks, next.bucket.ticks) &&
      label === next.label &&
      isNow === next.isNow &&
      beyond === next.isBeyond &&
      isFirst === next.isFirst &&
      todayMs === next.todayMs
    );
  }

  render() {
    const { bucket, label, isNow, isBeyond: beyond, isFirst, todayMs } = this.props;
    return (
      <div
        class={`bucket ${isNow ? 'is-now' : ''} ${beyond ? 'is-beyond' : ''}`}
        title={beyond ? 'Not shown' : undefined}
      >
        <span class="bucket-label">{label}</span>
        <span class="cells">
          <Cells ticks={bucket.ticks} isFirst={isFirst} todayMs={todayMs} />
        </span>
      </div>
    );
  }
}

function Cells({ ticks, isFirst, todayMs }: { ticks: readonly Tick[]; isFirst: boolean; todayMs: number }) {
  const first = isFirst ? ticks.findIndex(({ run }) => run !== undefined) : -1;
  return (
    <>
      {ticks.map(({ atMs, run }, at) => {
        const when = moment(atMs, todayMs);
        const title = `${when} (${utc(atMs)})`;
        if (run === undefined) return <i key={atMs} class="cell ahead" title={`will come at ${title}`} />;
        const look = RUN_LOOKS[run.state];
        return (
          <a
            key={run.id}
            class={`cell tone-${look.tone}`}
            href={hrefs.run(run.id)}
            tabIndex={at === first ? 0 : -1}
            title={`${title}: ${look.word}. ${run.reason}`}
            aria-label={`${when}: ${look.word}`}
          >
            <Mark look={look} />
          </a>
        );
      })}
    </>
  );
}

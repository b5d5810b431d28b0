import { useMemo, useState } from 'preact/hooks';
import type { Schedule } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { minute, serverNowMs } from '../api/clock.ts';
import {
  apart,
  knownOf,
  scaleFor,
  SCALES,
  spanBeside,
  spanOf,
  type Known,
  type Scale,
  type Span,
} from '../data/calendar.ts';
import { MOST_AHEAD, MOST_RUNS, useAhead, useRecorded, type Ahead } from '../data/ticks.ts';
import { calendarTitle, count, moment, viewersZone } from '../parts/format.ts';
import { Panel, Placeholder, Section } from '../parts/panel.tsx';
import { Calendar } from './tick-cells.tsx';

/** What cannot be asked for: nothing is shown of it, and nothing is said of it by a calendar. */
const NOTHING_AHEAD: Ahead = { timesMs: [], isAll: true };

/** Ticks on a calendar: each cell is the record of one, or one that will come. */
export function TickCalendar({ schedule }: { schedule: Schedule }) {
  const { id } = schedule;
  const ahead = useAhead(schedule);
  const [chosen, setChosen] = useState<{ scale: Scale; span: Span }>();
  // What was asked for and failed is no reason to show nothing: ticks that came are on record whatever comes next.
  const next = ahead.state === 'loading' ? undefined : (ahead.value ?? NOTHING_AHEAD);
  const shown = useMemo(() => {
    if (chosen !== undefined || next === undefined) return chosen;
    const scale = scaleFor(apart(next.timesMs));
    return { scale, span: spanOf(scale, serverNowMs()) };
  }, [chosen, next]);
  if (shown === undefined || next === undefined)
    return (
      <Section title="Ticks">
        <Placeholder lines={6} />
      </Section>
    );
  const { scale, span } = shown;
  const go = (to: Span): void => setChosen({ scale, span: to });
  return (
    <Section
      title="Ticks"
      aside={
        <div class="calendar-bar">
          <div class="chips" role="group" aria-label="How much at once">
            {SCALES.map((each) => (
              <button
                key={each}
                type="button"
                class="chip"
                aria-pressed={each === scale}
                onClick={() =>
                  setChosen({
                    scale: each,
                    span: spanOf(
                      each,
                      span.fromMs > serverNowMs() || span.toMs < serverNowMs() ? span.fromMs : serverNowMs(),
                    ),
                  })
                }
              >
                {each}
              </button>
            ))}
          </div>
          <button
            type="button"
            class="button small"
            onClick={() => go(spanBeside(scale, span, -1))}
            aria-label={`The ${scale} before`}
          >
            ←
          </button>
          <strong>{calendarTitle(scale, span.fromMs)}</strong>
          <button
            type="button"
            class="button small"
            onClick={() => go(spanBeside(scale, span, 1))}
            aria-label={`The ${scale} after`}
          >
            →
          </button>
          <button type="button" class="button small" onClick={() => go(spanOf(scale, serverNowMs()))}>
            Now
          </button>
        </div>
      }
    >
      <Shown id={id} scale={scale} span={span} ahead={next} />
      {ahead.state === 'failed' ? (
        <p class="soft small">What will come could not be asked for: {ahead.problem.message}</p>
      ) : null}
      <p class="soft small">
        By the clocks of {viewersZone()}; the schedule’s are those of{' '}
        {schedule.zone === '' ? 'UTC' : schedule.zone}.
      </p>
    </Section>
  );
}

function Shown({ id, scale, span, ahead }: { id: string; scale: Scale; span: Span; ahead: Ahead }) {
  const [recorded, reload] = useRecorded(id, span);
  // Now and then nothing comes, and what was ahead is over all the same.
  void minute.value;
  return (
    <Panel loaded={recorded} reload={reload} lines={6}>
      {({ ticks, isCapped }) => {
        const nowMs = serverNowMs();
        const known = knownOf(ticks, isCapped, ahead);
        const coming = ahead.timesMs.filter((atMs) => atMs >= nowMs).map((atMs) => ({ atMs }));
        return (
          <>
            <Calendar scale={scale} span={span} ticks={[...ticks, ...coming]} known={known} nowMs={nowMs} />
            <Limits scale={scale} span={span} known={known} isCapped={isCapped} nowMs={nowMs} />
          </>
        );
      }}
    </Panel>
  );
}

/** Says where the calendar ends before its span does: what is blank there is not empty. */
function Limits(props: { scale: Scale; span: Span; known: Known; isCapped: boolean; nowMs: number }) {
  const { scale, span, known, isCapped, nowMs } = props;
  return (
    <>
      {isCapped ? (
        <p class="small" role="status">
          Shown are the newest {count(MOST_RUNS)} of this {scale}:{' '}
          {scale === 'month' ? 'choose day or hour' : 'choose hour'} for those before{' '}
          {moment(known.fromMs, nowMs)}.
        </p>
      ) : null}
      {known.toMs < span.toMs ? (
        <p class="soft small">
          Shown are the next {count(MOST_AHEAD)} ticks: others will come after {moment(known.toMs, nowMs)}.
        </p>
      ) : null}
    </>
  );
}

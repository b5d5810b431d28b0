import { durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { useState } from 'preact/hooks';
import type { GetUsageResponse, Usage } from '../../../proto/gen/the0/runtime/v1/usage_pb.js';
import { serverNowMs } from '../api/clock.ts';
import { usage } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvery, useLoad } from '../data/use-load.ts';
import { Chart, type Series } from '../parts/chart.tsx';
import { withGaps } from '../parts/chart-data.ts';
import { bytes, lasting } from '../parts/format.ts';
import { Empty, Panel, Section } from '../parts/panel.tsx';

const HOUR_MS = 3_600_000;
const SPANS = [
  ['1 h', HOUR_MS],
  ['6 h', 6 * HOUR_MS],
  ['24 h', 24 * HOUR_MS],
  ['7 d', 168 * HOUR_MS],
] as const;
const EVERY_MS = 15_000;

/** What a bot, or what runs of a schedule, used over time. */
export function UsageTab({ id }: { id: string }) {
  const [spanMs, setSpan] = useState<number>(HOUR_MS);
  const [loaded, reload] = useLoad(`${id} ${spanMs}`, (signal) => {
    const toMs = serverNowMs();
    return usage.getUsage(
      { id, from: timestampFromMs(toMs - spanMs), to: timestampFromMs(toMs) },
      { signal },
    );
  });
  useEvery(EVERY_MS, reload);
  return (
    <>
      <div class="chips" role="group" aria-label="Span">
        {SPANS.map(([label, ms]) => (
          <button
            key={label}
            type="button"
            class="chip"
            aria-pressed={ms === spanMs}
            onClick={() => setSpan(ms)}
          >
            {label}
          </button>
        ))}
      </div>
      <div class="gap" />
      <Panel loaded={loaded} reload={reload} lines={8}>
        {(answer) => <Charts answer={answer} />}
      </Panel>
    </>
  );
}

function Charts({ answer }: { answer: GetUsageResponse }) {
  const { points } = answer;
  const last = points.at(-1);
  if (last === undefined)
    return (
      <Empty title="Nothing was measured">Nothing ran within this span, or no processor measures.</Empty>
    );
  const stepMs = answer.step === undefined ? 0 : durationMs(answer.step);
  const fromMs = msOf(answer.from) ?? 0;
  const toMs = msOf(answer.to) ?? 0;
  const of = (label: string, tone: Series['tone'], value: (point: Usage) => number): Series => ({
    label,
    tone,
    values: withGaps(points, stepMs, (point) => msOf(point.at) ?? 0, value),
  });
  return (
    <>
      <Section
        title="Memory"
        aside={
          <Now
            text={bytes(Number(last.memoryBytes))}
            limit={last.memoryLimitBytes > 0n ? bytes(Number(last.memoryLimitBytes)) : ''}
          />
        }
      >
        <Chart
          label="Memory over time"
          fromMs={fromMs}
          toMs={toMs}
          format={bytes}
          limit={Number(last.memoryLimitBytes)}
          series={[
            of('Mean', 'moving', (point) => Number(point.memoryBytes)),
            of('Most', 'wanted', (point) => Number(point.memoryBytesMax)),
          ]}
        />
      </Section>
      <Section
        title="Processors"
        aside={
          <Now text={cores(last.cpuCores)} limit={last.cpuLimitCores > 0 ? cores(last.cpuLimitCores) : ''} />
        }
      >
        <Chart
          label="Processor time over time"
          fromMs={fromMs}
          toMs={toMs}
          format={cores}
          limit={last.cpuLimitCores}
          series={[
            of('Mean', 'moving', (point) => point.cpuCores),
            of('Most', 'wanted', (point) => point.cpuCoresMax),
          ]}
        />
      </Section>
      <p class="soft small">
        Each point stands for {lasting(stepMs)}. Processes and threads: {last.pids}.
      </p>
    </>
  );
}

const cores = (value: number): string =>
  value === 0 ? '0 cores' : `${value < 0.1 ? value.toFixed(3) : value.toFixed(2)} cores`;

const Now = ({ text, limit }: { text: string; limit: string }) => (
  <span>
    <strong>{text}</strong> {limit === '' ? null : <span class="soft">of {limit}</span>}
  </span>
);

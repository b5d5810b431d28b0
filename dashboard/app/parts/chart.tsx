import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme } from '../shell/theme.tsx';
import type { Points } from './chart-data.ts';
import { clockTime, moment } from './format.ts';
import type { Tone } from './words.ts';

export type Series = { label: string; tone: Tone; values: Points };

type Props = {
  label: string;
  fromMs: number;
  toMs: number;
  /** All of the same times. */
  series: readonly Series[];
  format: (value: number) => string;
  /** A line across; 0: none. */
  limit: number;
};

const HEIGHT_PX = 190;

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const chosen = theme.value;
  const { fromMs, toMs, series, limit } = props;
  const data: uPlot.AlignedData = [
    series[0]?.values.seconds ?? [],
    ...series.map(({ values }) => values.values),
  ];
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = new uPlot(optionsOf(props, element), data, element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // Made anew for other colours or another span; new points alone are put into what is there.
  }, [chosen, toMs - fromMs, limit]);
  useEffect(() => {
    plot.current?.setData(data, false);
    plot.current?.setScale('x', { min: fromMs / 1_000, max: toMs / 1_000 });
  }, [series]);
  const last = series[0]?.values.values.at(-1);
  return (
    <div
      ref={box}
      class="chart"
      role="img"
      aria-label={`${props.label}${typeof last === 'number' ? `, ${props.format(last)} at last` : ''}`}
    />
  );
}

function optionsOf({ series, format, limit, fromMs, toMs }: Props, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => resolved(element, name);
  const axis: uPlot.Axis = {
    stroke: colour('--ink-3'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      x: { time: true, range: () => [fromMs / 1_000, toMs / 1_000] },
      // From zero, else a quiet bot looks like a wild one; the limit is in sight once half of it is used.
      y: {
        range: (_plot, _low, high) => [0, limit > 0 && high > limit / 2 ? limit * 1.05 : high * 1.15 || 1],
      },
    },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => clockTime(tick * 1_000).slice(0, 5)) },
      { ...axis, size: 76, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [
      { label: 'At', value: (_plot, at) => (at === null ? '–' : moment(at * 1_000, Date.now())) },
      ...series.map(({ label, tone }, at) => ({
        label,
        stroke: colour(`--${tone}`),
        ...(at === 0 ? { fill: colour(`--${tone}-soft`) } : { dash: [4, 3] }),
        width: 1.4,
        points: { show: false },
        value: (_plot: uPlot, value: number | null) => (value === null ? '–' : format(value)),
      })),
    ],
    hooks: {
      ready: [tellNewest],
      setData: [tellNewest],
      setCursor: [(plot) => (typeof plot.cursor.idx === 'number' ? undefined : tellNewest(plot))],
      ...(limit > 0 ? { draw: [(plot) => drawLimit(plot, limit, colour('--trouble'))] } : {}),
    },
  };
}

/** Under a chart at which nobody points stands what was measured last. */
function tellNewest(plot: uPlot): void {
  const idx = plot.data[1]?.findLastIndex((value) => typeof value === 'number') ?? -1;
  if (idx >= 0) plot.setLegend({ idx }, false);
}

function drawLimit(plot: uPlot, limit: number, colour: string): void {
  const y = plot.valToPos(limit, 'y', true);
  const { left, top, width, height } = plot.bbox;
  if (y < top || y > top + height) return;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([6, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(left, y);
  plot.ctx.lineTo(left + width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
}

/** Canvas knows no custom properties, nor which of two colours is meant: an element that wears it does. */
function resolved(beside: HTMLElement, name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  beside.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

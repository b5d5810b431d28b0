import { useEffect, useRef } from 'preact/hooks';
import type { BotRow } from '../data/rows.ts';
import { counted } from '../parts/format.ts';
import { BOT_LOOKS, BOT_PHASE_ORDER, type Tone } from '../parts/words.ts';
import { goTo } from '../shell/router.ts';
import { hrefs } from '../shell/routes.ts';
import { theme } from '../shell/theme.tsx';
import { cellAt, fieldOf, type Field } from './field-layout.ts';

const RANK = new Map(BOT_PHASE_ORDER.map((phase, at) => [phase, at]));
const HEIGHT_PX = 120;

/**
 * Every bot as one cell, trouble first: the whole fleet in one look. Lists and table say the same in words, so it is a
 * picture to those who cannot see it.
 */
export function FleetField({ rows }: { rows: readonly BotRow[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<{ field: Field; rows: readonly BotRow[] }>(undefined);
  const chosen = theme.value;
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const draw = (): void => {
      const ordered = [...rows].sort((a, b) => (RANK.get(a.phase) ?? 99) - (RANK.get(b.phase) ?? 99));
      const field = fieldOf(ordered.length, element.clientWidth, HEIGHT_PX);
      drawn.current = { field, rows: ordered };
      paint(element, field, ordered);
    };
    draw();
    const sizes = new ResizeObserver(draw);
    sizes.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    return () => {
      sizes.disconnect();
      dark.removeEventListener('change', draw);
    };
  }, [rows, chosen]);

  const rowAt = (event: MouseEvent): BotRow | undefined => {
    const { field, rows: ordered } = drawn.current ?? {};
    return field === undefined ? undefined : ordered?.[cellAt(field, event.offsetX, event.offsetY) ?? -1];
  };
  return (
    <canvas
      ref={canvas}
      class="fleet-field"
      role="img"
      aria-label={`${counted(rows.length, 'bot')}, one cell each, trouble first`}
      style={{ height: `${HEIGHT_PX}px` }}
      onMouseMove={(event) => {
        const row = rowAt(event);
        event.currentTarget.title = row === undefined ? '' : `${row.name}: ${BOT_LOOKS[row.phase].word}`;
      }}
      onClick={(event) => {
        const row = rowAt(event);
        if (row !== undefined) goTo(hrefs.bot(row.id));
      }}
    />
  );
}

function paint(element: HTMLCanvasElement, field: Field, rows: readonly BotRow[]): void {
  const scale = devicePixelRatio;
  element.width = element.clientWidth * scale;
  element.height = HEIGHT_PX * scale;
  const context = element.getContext('2d');
  if (context === null) return;
  context.scale(scale, scale);
  const colours = coloursOf(element);
  const { cellPx, gapPx, columns } = field;
  for (const [at, row] of rows.entries()) {
    const { tone } = BOT_LOOKS[row.phase];
    context.fillStyle = colours[tone];
    // What is well steps back; what is not keeps its full colour.
    context.globalAlpha = tone === 'well' ? 0.42 : tone === 'off' ? 0.3 : 1;
    const x = (at % columns) * (cellPx + gapPx);
    const y = Math.floor(at / columns) * (cellPx + gapPx);
    context.fillRect(x, y, cellPx, cellPx);
  }
}

/** Canvas knows no custom properties: each is asked for by an element that wears it. */
function coloursOf(element: HTMLElement): Record<Tone, string> {
  const probe = document.createElement('i');
  element.after(probe);
  const colour = (tone: Tone): string => {
    probe.className = `tone-${tone}`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    well: colour('well'),
    moving: colour('moving'),
    waiting: colour('waiting'),
    trouble: colour('trouble'),
    wanted: colour('wanted'),
    off: colour('off'),
  };
  probe.remove();
  return colours;
}

import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { scrollToSee, windowOf } from './virtual-window.ts';

type Props = {
  label: string;
  count: number;
  rowPx: number;
  /** Above the rows, and of their columns: an element with `role="row"`. */
  head?: ComponentChildren;
  /** A row's cells. */
  row: (index: number) => ComponentChildren;
  keyOf: (index: number) => string;
  rowClass?: (index: number) => string;
  onOpen?: (index: number) => void;
  columns: number;
  class?: string;
};

/**
 * A table of which only what is seen is drawn. One row can be reached by Tab; arrows, Page Up and Down, Home and End go on
 * from there, Enter opens.
 */
export function VirtualRows(props: Props) {
  const { count, rowPx } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ scrollPx: 0, viewPx: 600 });
  const [active, setActive] = useState(0);
  const focusNext = useRef(false);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    let frame = 0;
    const look = (): void => {
      frame = 0;
      setView({ scrollPx: element.scrollTop, viewPx: element.clientHeight });
    };
    const soon = (): void => void (frame === 0 && (frame = requestAnimationFrame(look)));
    element.addEventListener('scroll', soon, { passive: true });
    const sizes = new ResizeObserver(soon);
    sizes.observe(element);
    look();
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      element.removeEventListener('scroll', soon);
    };
  }, []);

  const current = Math.min(active, Math.max(0, count - 1));
  useEffect(() => {
    if (!focusNext.current) return;
    const row = box.current?.querySelector<HTMLElement>(`[data-row="${current}"]`);
    if (row === null || row === undefined) return;
    focusNext.current = false;
    row.focus({ preventScroll: true });
  });

  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      if (!(event.target instanceof HTMLElement) || event.target.dataset['row'] === undefined) return;
      if (event.key === 'Enter') return props.onOpen?.(current);
      const element = box.current;
      const page = Math.max(1, Math.floor((element?.clientHeight ?? rowPx) / rowPx) - 2);
      const next = nextIndex(event.key, current, count, page);
      if (next === undefined || element === null) return;
      event.preventDefault();
      focusNext.current = true;
      setActive(next);
      const at = { count, rowPx, scrollPx: element.scrollTop, viewPx: element.clientHeight - HEAD_PX };
      const scrollPx = scrollToSee(at, next);
      if (scrollPx !== undefined) element.scrollTop = scrollPx;
    },
    [count, current, rowPx, props.onOpen],
  );

  const { first, last, topPx, heightPx } = windowOf({ count, rowPx, ...view });
  const rows = [];
  for (let index = first; index < last; index += 1)
    rows.push(
      <div
        key={props.keyOf(index)}
        role="row"
        aria-rowindex={index + 2}
        data-row={index}
        tabIndex={index === current ? 0 : -1}
        class={`row ${props.rowClass?.(index) ?? ''}`}
        style={{ height: `${rowPx}px` }}
        onFocus={() => setActive(index)}
      >
        {props.row(index)}
      </div>,
    );
  return (
    <div
      ref={box}
      class={`rows ${props.class ?? ''}`}
      role="grid"
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-colcount={props.columns}
      // Where no row is drawn the box itself is what a keyboard scrolls.
      tabIndex={count === 0 ? 0 : -1}
      onKeyDown={onKeyDown}
    >
      {props.head}
      <div class="rows-space" role="rowgroup" style={{ height: `${heightPx}px` }}>
        <div class="rows-window" role="presentation" style={{ transform: `translateY(${topPx}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

/** The head stays in place above the rows, and covers what would be behind it. */
const HEAD_PX = 34;

function nextIndex(key: string, at: number, count: number, page: number): number | undefined {
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  }[key];
  return to === undefined || count === 0 ? undefined : Math.max(0, Math.min(count - 1, to));
}

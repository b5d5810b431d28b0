/** Which rows of a long list are drawn, and where. */
export type Window = { first: number; last: number; topPx: number; heightPx: number };

/** Browsers draw nothing beyond some 17 million pixels. */
const HIGHEST_PX = 8_000_000;
const AROUND = 6;

/**
 * `last` is exclusive. Where all rows together would be higher than a browser can draw, the list is scrolled by shares
 * instead of by pixels: half way down is half way through the rows.
 */
export function windowOf(list: { count: number; rowPx: number; scrollPx: number; viewPx: number }): Window {
  const { count, rowPx, viewPx } = list;
  const wholePx = count * rowPx;
  const heightPx = Math.min(wholePx, HIGHEST_PX);
  const scrollPx = Math.max(0, Math.min(list.scrollPx, Math.max(0, heightPx - viewPx)));
  const room = heightPx - viewPx;
  const realPx = wholePx > HIGHEST_PX && room > 0 ? (scrollPx / room) * (wholePx - viewPx) : scrollPx;
  const first = Math.max(0, Math.floor(realPx / rowPx) - AROUND);
  const last = Math.min(count, Math.ceil((realPx + viewPx) / rowPx) + AROUND);
  return { first, last, topPx: scrollPx - (realPx - first * rowPx), heightPx };
}

/** How far to scroll so that a row is wholly seen; undefined: it is. */
export function scrollToSee(
  list: { count: number; rowPx: number; scrollPx: number; viewPx: number },
  index: number,
): number | undefined {
  const { count, rowPx, viewPx } = list;
  const wholePx = count * rowPx;
  const room = Math.min(wholePx, HIGHEST_PX) - viewPx;
  const scale = wholePx > HIGHEST_PX && room > 0 ? (wholePx - viewPx) / room : 1;
  const realPx = list.scrollPx * scale;
  const top = index * rowPx;
  if (top < realPx) return top / scale;
  if (top + rowPx > realPx + viewPx) return (top + rowPx - viewPx) / scale;
  return undefined;
}

/** How many cells fit into a picture, and how big they are. Lengths in CSS pixels. */
export type Field = { columns: number; cellPx: number; gapPx: number; count: number };

const BIGGEST_PX = 14;

/** The biggest square cells with which all have room. */
export function fieldOf(count: number, widthPx: number, heightPx: number): Field {
  for (let pitch = BIGGEST_PX; pitch > 1; pitch -= 1) {
    const gapPx = pitch >= 5 ? 2 : pitch >= 3 ? 1 : 0;
    const columns = Math.max(1, Math.floor((widthPx + gapPx) / pitch));
    const lines = Math.floor((heightPx + gapPx) / pitch);
    if (columns * lines >= count) return { columns, cellPx: pitch - gapPx, gapPx, count };
  }
  return { columns: Math.max(1, Math.floor(widthPx)), cellPx: 1, gapPx: 0, count };
}

/** Which cell is at a point; undefined: none. */
export function cellAt({ columns, cellPx, gapPx, count }: Field, x: number, y: number): number | undefined {
  const pitch = cellPx + gapPx;
  const column = Math.floor(x / pitch);
  const at = Math.floor(y / pitch) * columns + column;
  return column >= 0 && column < columns && at >= 0 && at < count ? at : undefined;
}

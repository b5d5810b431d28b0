import { describe, expect, it } from 'vitest';
import { cellAt, fieldOf } from './field-layout.ts';

describe('the picture of the fleet', () => {
  it.each([1, 50, 1_000, 10_000, 100_000])('has room for %i bots', (count) => {
    const field = fieldOf(count, 1_100, 120);
    const pitch = field.cellPx + field.gapPx;
    expect(Math.ceil(count / field.columns) * pitch - field.gapPx).toBeLessThanOrEqual(120);
    expect(field.columns * pitch - field.gapPx).toBeLessThanOrEqual(1_100);
  });

  it('has big cells for few, and small ones for many', () => {
    expect(fieldOf(50, 1_100, 120).cellPx).toBe(12);
    expect(fieldOf(10_000, 1_100, 120).cellPx).toBeLessThan(4);
  });

  it('is there for bots that it has no room for, too', () => expect(fieldOf(1e7, 300, 120).cellPx).toBe(1));

  it('knows which bot is at a point', () => {
    const field = fieldOf(100, 300, 120);
    expect(cellAt(field, 1, 1)).toBe(0);
    expect(cellAt(field, 15, 15)).toBe(field.columns + 1);
    expect(cellAt(field, 299, 119)).toBeUndefined();
    expect(cellAt(field, -1, 1)).toBeUndefined();
  });
});

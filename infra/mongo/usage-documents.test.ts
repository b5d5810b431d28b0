import { expect, it } from 'vitest';
import { spanOf } from '../../model/usage.ts';
import { columnsOf, meanKey, meansOf, pointsOf } from './usage-documents.ts';

const from = new Date('2026-11-29T10:05:00Z');
const _id = { id: 'a', from };

it('points are read as they were written', () => {
  const limits = { cpuLimit: 1, memoryLimit: 100 };
  const points = [
    { atMs: from.getTime(), cpu: 0.5, memory: 10, pids: 2, containers: 1, diskRead: 7, ...limits },
    { atMs: from.getTime() + 15_000, cpu: 0, memory: 20, pids: 3, containers: 2, networkSent: 0, ...limits },
  ];
  const document = { _id, from, ...columnsOf(points, from.getTime()) };
  expect(document.at).toEqual([0, 15_000]);
  expect(pointsOf(document)).toEqual(points.map(({ atMs, ...usage }) => ({ ...spanOf(usage), atMs })));
});

it('means are found at the minutes at which their windows begin', () => {
  const span = spanOf({ cpu: 1, memory: 1, pids: 1, containers: 1 });
  const hour = new Date('2026-11-29T10:00:00Z');
  expect(meanKey(from.getTime())).toBe('5');
  expect(meansOf({ _id: { id: 'a', from: hour }, from: hour, spans: { 5: span } })).toEqual([
    { ...span, atMs: from.getTime() },
  ]);
});

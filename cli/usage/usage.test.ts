import { create } from '@bufbuild/protobuf';
import { timestampFromDate, durationFromMs } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { ListUsageResponseSchema, UsageKind } from '../../proto/gen/the0/runtime/v1/usage_pb.js';
import { bytes, topTable } from './table.ts';
import { topView } from './view.ts';

const at = new Date('2026-11-29T10:00:00Z');
const look = { nowMs: at.getTime() + 5_000, columns: undefined, colour: false };
const MB = 1024 * 1024;

const answer = create(ListUsageResponseSchema, {
  rows: [
    {
      id: 'busy',
      kind: UsageKind.BOT,
      name: 'The \u001b[31mbusy one',
      usage: {
        cpuCores: 0.876,
        memoryBytes: BigInt(480 * MB),
        memoryLimitBytes: BigInt(512 * MB),
        pids: 12,
        containers: 1,
        networkReceived: 2048,
        networkSent: 100,
      },
    },
    { id: 'job', kind: UsageKind.SCHEDULE, usage: { memoryBytes: BigInt(MB), pids: 1, containers: 2 } },
  ],
  total: { cpuCores: 1.2, memoryBytes: BigInt(700 * MB), containers: 4 },
  hostCores: 2,
  hostMemoryBytes: BigInt(4096 * MB),
  at: timestampFromDate(at),
  interval: durationFromMs(15_000),
  count: 3,
});

it('a line each, what is together, and how many more there are', () => {
  expect(topTable(topView(answer), look).split('\n')).toEqual([
    'ID    KIND      CPU   MEMORY  OF    PIDS  NET IN/OUT  DISK R/W  NAME',
    'busy  bot       0.88  480M    94 %  12    2.0K/100B   -         The ·[31mbusy one',
    'job   schedule  0.00  1.0M    -     1     -           -         -',
    '',
    '1 more. Together 1.20 of 2 cores, 700M of 4.0G of memory in 4 containers; measured 5s ago.',
  ]);
});

it('who is close to its limit is marked', () => {
  expect(topTable(topView(answer), { ...look, colour: true })).toContain('\u001b[33m94 %');
});

it('says why there is nothing to see', () => {
  const nothing = create(ListUsageResponseSchema, { interval: durationFromMs(15_000) });
  expect(topTable(topView(nothing), look)).toMatch(/Nothing was measured of late/);
  const off = create(ListUsageResponseSchema, { interval: durationFromMs(0) });
  expect(topTable(topView(off), look)).toMatch(/USAGE_INTERVAL is 0/);
});

it.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1.0K'],
  [1536, '1.5K'],
  [312 * MB, '312M'],
  [1023 * MB, '1.0G'],
])('%s bytes are %s', (value, text) => {
  expect(bytes(value)).toBe(text);
});

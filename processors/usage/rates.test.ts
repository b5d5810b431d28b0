import { expect, it } from 'vitest';
import type { ContainerView } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import type { UsageReading } from '../../model/usage.ts';
import { isCounted, samplesOf, totalOf, type Look } from './rates.ts';

const container = (id: string, subject: string, kind = 'bot', state = 'running') =>
  ({ id, state, labels: { [LABEL.id]: subject, [LABEL.kind]: kind } }) as unknown as ContainerView;

const look = (atMs: number, cpuMs: Readonly<Record<string, number>>, unread: string[] = []): Look => ({
  readings: new Map(
    Object.entries(cpuMs).map(([id, ms]): [string, UsageReading] => [
      id,
      { atMs, cpuNanos: ms * 1e6, memoryBytes: 100, memoryLimitBytes: 400, pids: 2 },
    ]),
  ),
  unread: new Set(unread),
});

const samplesOfAll = (...looked: Parameters<typeof samplesOf>): ReturnType<typeof samplesOf> => {
  const samples = samplesOf(...looked);
  return [...samples, totalOf(samples)];
};

const cpuOf = (samples: ReturnType<typeof samplesOf>) =>
  Object.fromEntries(samples.map(({ id, kind, cpu, containers }) => [`${kind} ${id}`, [cpu, containers]]));

it('each bot and schedule by itself, runs that overlap together, and all of it', () => {
  const containers = [
    container('1', 'bot-a'),
    container('2', 'schedule-b', 'run'),
    container('3', 'schedule-b', 'run'),
  ];
  const samples = samplesOfAll(
    containers,
    look(0, { 1: 0, 2: 0, 3: 100 }),
    look(1000, { 1: 500, 2: 100, 3: 150 }),
  );
  expect(cpuOf(samples)).toEqual({
    'bot bot-a': [0.5, 1],
    'schedule schedule-b': [0.15, 2],
    'all ': [0.65, 3],
  });
  expect(samples.at(-1)).toMatchObject({ memory: 300, memoryLimit: 1200, pids: 6 });
});

it('what was started since the last look used all of it since; what was missed then is left out now', () => {
  const containers = [container('1', 'new'), container('2', 'missed'), container('3', 'anew')];
  const now = look(1000, { 1: 250, 2: 9_000_000, 3: 100 });
  expect(cpuOf(samplesOfAll(containers, look(0, { 3: 800 }, ['2']), now))).toEqual({
    'bot new': [0.25, 1],
    'bot anew': [0.1, 1],
    'all ': [0.35, 2],
  });
});

it('where nothing ran at the last look, a container shows from its second reading on', () => {
  const samples = samplesOfAll([container('1', 'first')], look(0, {}), look(1000, { 1: 500 }));
  expect(cpuOf(samples)).toEqual({ 'all ': [0, 0] });
});

it('query programs, helpers and what does not run are not counted', () => {
  const counted = (kind: string, state?: string) => isCounted(container('1', 'x', kind, state));
  expect(['bot', 'run', 'query', 'helper', 'probe'].map((kind) => counted(kind))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(counted('bot', 'exited')).toBe(false);
});

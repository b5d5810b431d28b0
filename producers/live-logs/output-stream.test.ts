import { describe, expect, it } from 'vitest';
import { ContainerMissing, EngineUnavailable } from '../../infra/engine/errors.ts';
import { logTimeOfMs } from '../../infra/engine/log-time.ts';
import type { ContainerDetail, Engine, LogLine } from '../../infra/engine/port.ts';
import { OutputStream, type Beginning } from './output-stream.ts';

const NOW = 1_700_000_000_000;
const entry = (ms: number, text: string): LogLine => ({
  stream: 'stdout',
  time: logTimeOfMs(NOW + ms),
  data: Buffer.from(text),
});

/** Each turn is one opening of the stream: what the engine has by then, and how that stream ends. */
type Turn = { has: LogLine[]; ends: 'down' | 'up' | Error };

function follow(turns: Turn[], beginning: Beginning) {
  const told: string[] = [];
  const asked: object[] = [];
  let up = true;
  const engine = {
    async *logs(
      _id: string,
      { signal: _signal, follow: _follow, ...request }: Parameters<Engine['logs']>[1],
    ) {
      asked.push(request);
      const turn = turns.shift() ?? { has: [], ends: new ContainerMissing('x') };
      const since = request.since ?? '';
      yield* turn.has.filter(({ time }) => time >= since).slice(-(request.tail ?? Infinity));
      if (turn.ends instanceof Error) throw turn.ends;
      up = turn.ends === 'up';
    },
    inspect: async () => ({ state: up ? 'running' : 'exited' }) as ContainerDetail,
  };
  const stream = new OutputStream({
    engine,
    containerId: 'x',
    beginning,
    now: () => NOW,
    handler: {
      onEntry: ({ data }) => void told.push(data.toString()),
      onMark: (text) => void told.push(text.split(' ').slice(0, 3).join(' ')),
      onBroken: () => void told.push('(broken)'),
      onWorking: () => undefined,
    },
  });
  return stream.follow(new AbortController().signal).then(() => ({ told, asked }));
}

const A = entry(1, 'a');
const B = entry(2, 'b');
const C = entry(3, 'c');
const D = entry(4, 'd');

describe('OutputStream', () => {
  it('goes on behind the last entry where a stream broke, and where it ended for no reason', async () => {
    const away = new EngineUnavailable('away');
    const { told, asked } = await follow(
      [
        { has: [A, B], ends: away },
        { has: [A, B, C], ends: 'up' },
        { has: [A, B, C, D], ends: 'down' },
      ],
      { kind: 'fresh' },
    );
    expect(told).toEqual(['a', 'b', '(broken)', 'c', 'd']);
    expect(asked).toEqual([{}, { tail: 1_000 }, { tail: 1_000 }]);
  });

  it('has the engine look through all it has where the last entries do not reach back far enough', async () => {
    const many = Array.from({ length: 1_200 }, (_, n) => entry(10 + n, String(n)));
    const { told, asked } = await follow(
      [
        { has: [A, B], ends: 'up' },
        { has: [A, B, ...many], ends: 'up' },
        { has: [A, B, ...many], ends: 'up' },
        { has: [A, B, ...many], ends: 'down' },
      ],
      { kind: 'fresh' },
    );
    expect(told).toEqual(['a', 'b', ...many.map(({ data }) => data.toString())]);
    expect(asked).toEqual([{}, { tail: 1_000 }, { since: logTimeOfMs(NOW - 1_998) }, { tail: 1_000 }]);
  });

  it('marks what may be told twice after a predecessor that was killed, where there is any', async () => {
    const position = { stdout: { time: entry(-900, '').time, count: 1 } };
    const left = (settled: boolean): Beginning => ({ kind: 'position', position, settled });
    const before = [entry(-950, 'earlier'), entry(-900, 'told'), entry(-800, 'perhaps'), entry(100, 'new')];
    const turn = (): Turn[] => [{ has: before, ends: 'down' }];
    expect((await follow(turn(), left(true))).told).toEqual(['perhaps', 'new']);
    expect((await follow(turn(), left(false))).told).toEqual(['[the0] What follows', 'perhaps', 'new']);
    const quiet: Turn[] = [{ has: [...before.slice(0, 2), ...before.slice(3)], ends: 'down' }];
    expect((await follow(quiet, left(false))).told).toEqual(['new']);
  });

  it('shows the output of a container that nobody ever told of', async () => {
    const turn = (): Turn => ({ has: [entry(-5, 'old'), A], ends: 'down' });
    const { told, asked } = await follow([turn(), turn()], { kind: 'unknown' });
    expect(told).toEqual(['old', 'a']);
    expect(asked).toEqual([{ tail: 1_001 }, {}]);
  });

  it('shows the last of it where there is much, and says so', async () => {
    const has = Array.from({ length: 1_500 }, (_, n) => entry(n - 2_000, String(n)));
    const { told, asked } = await follow(
      [
        { has, ends: 'up' },
        { has, ends: 'down' },
      ],
      { kind: 'unknown' },
    );
    expect(told.slice(0, 2)).toEqual(['[the0] Live output', '500']);
    expect(told).toHaveLength(1_001);
    expect(asked).toEqual([{ tail: 1_001 }, { tail: 1_000 }]);
  });

  it('says that it may repeat itself when the engine’s clock was set back', async () => {
    const early = entry(-3_600_000, 'an hour back');
    const { told } = await follow(
      [
        { has: [A, early], ends: 'up' },
        { has: [A, early, entry(-3_599_000, 'next')], ends: 'up' },
        { has: [A, early, entry(-3_599_000, 'next')], ends: 'down' },
      ],
      { kind: 'fresh' },
    );
    expect(told.slice(0, 3)).toEqual(['a', 'an hour back', '[the0] What follows']);
    expect(told.at(-1)).toBe('next');
  });

  it('ends with a container that is gone', async () => {
    expect((await follow([], { kind: 'fresh' })).told).toEqual([]);
  });

  it('says so where one is gone before its stream, which broke, could go on', async () => {
    const { told } = await follow([{ has: [A], ends: new EngineUnavailable('away') }], { kind: 'fresh' });
    expect(told).toEqual(['a', '(broken)', '[the0] Here may']);
    expect((await follow([{ has: [A], ends: 'up' }], { kind: 'fresh' })).told).toEqual([
      'a',
      '[the0] Here may',
    ]);
    const left: Beginning = { kind: 'position', position: {}, settled: true };
    expect((await follow([], left)).told).toEqual(['[the0] Here may']);
  });
});

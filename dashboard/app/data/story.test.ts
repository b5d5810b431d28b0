import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { EventSchema, type Event } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { chaptersOf } from './story.ts';

const CYCLE = ['running', 'starting', 'backing-off'];
const event = (at: number, after: string, kind = 'phase'): Event =>
  create(EventSchema, { at: timestampFromMs(1_000_000 - at * 1_000), id: 'a', kind, after, text: after });

describe('a story', () => {
  it('is told one by one where it is short', () => {
    const chapters = chaptersOf([event(0, 'running'), event(1, 'starting'), event(2, 'held', 'hold')]);
    expect(chapters.map(({ is }) => is)).toEqual(['event', 'event', 'event']);
  });

  it('takes ten thousand restarts together, but for where it is now', () => {
    const events = Array.from({ length: 30_000 }, (_, at) => event(at, CYCLE[at % 3] ?? ''));
    const chapters = chaptersOf(events);
    expect(chapters).toHaveLength(4);
    expect(chapters[3]).toMatchObject({
      is: 'again',
      rounds: 9_999,
      phases: CYCLE,
      toMs: 1_000_000 - 3_000,
      fromMs: 1_000_000 - 29_999_000,
    });
  });

  it('keeps what somebody did where it was', () => {
    const before = Array.from({ length: 12 }, (_, at) => event(at, CYCLE[at % 3] ?? ''));
    const chapters = chaptersOf([...before, event(20, '', 'restart'), ...before]);
    expect(chapters.map((each) => (each.is === 'event' ? each.event.kind : 'again'))).toEqual([
      'phase',
      'phase',
      'phase',
      'again',
      'restart',
      'phase',
      'phase',
      'phase',
      'again',
    ]);
  });

  it('leaves a long one alone in which nothing repeats', () => {
    const events = Array.from({ length: 9 }, (_, at) => event(at, `phase ${at}`));
    expect(chaptersOf(events)).toHaveLength(9);
  });

  it('is empty where nothing happened', () => expect(chaptersOf([])).toEqual([]));
});

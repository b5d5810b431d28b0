import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { StatsSchema } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import { SchedulePhase } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { attentionOf } from './attention.ts';

const texts = (stats: MessageInitShape<typeof StatsSchema>) =>
  attentionOf(create(StatsSchema, stats)).map(({ text }) => text);

describe('what needs someone, besides bots', () => {
  it('is nothing where all is well', () =>
    expect(
      texts({
        servers: [{ name: 'mongodb', reachable: true, clockSkew: durationFromMs(-400) }],
        jobsWaiting: 3n,
        oldestWaiting: durationFromMs(900),
        schedules: [{ phase: SchedulePhase.ACTIVE, count: 4 }],
      }),
    ).toEqual([]));

  it('is named, the worst first', () =>
    expect(
      texts({
        servers: [
          { name: 'mongodb', reachable: true, clockSkew: durationFromMs(-4_000) },
          { name: 's3', reachable: false, problem: 'no answer within 1 s' },
        ],
        jobsWaiting: 3n,
        oldestWaiting: durationFromMs(90_000),
        poisonEvents: 1n,
        schedules: [{ phase: SchedulePhase.INVALID, count: 4 }],
      }),
    ).toEqual([
      's3 does not answer: no answer within 1 s',
      '3 jobs wait, the oldest for 1 min 30 s',
      '4 schedules cannot be run',
      'The clock of mongodb differs by 4 s',
      '1 event of the platform could not be understood',
    ]));
});

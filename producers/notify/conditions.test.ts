import { describe, expect, it } from 'vitest';
import {
  botConditions,
  diskCondition,
  scheduleConditions,
  type TroubledBot,
  type TroubledSchedule,
} from './conditions.ts';

const AT = new Date('2026-11-29T09:00:00Z');
const ago = (seconds: number): Date => new Date(AT.getTime() - seconds * 1_000);

describe('a bot', () => {
  const bot = (more: Partial<TroubledBot>): TroubledBot => ({
    _id: 'b1',
    phase: 'backing-off',
    reason: 'It ended with exit code 1, 5 times in a row; it is started again.',
    since: ago(60),
    consecutiveFailures: 5,
    lastExit: { exitCode: 1, oomKilled: false } as NonNullable<TroubledBot['lastExit']>,
    ...more,
  });
  const conditionsOf = (more: Partial<TroubledBot>) =>
    botConditions([bot(more)], { crashes: 5, nameOf: () => 'momentum' });

  it.each<[string, Partial<TroubledBot>, string | undefined]>([
    ['that failed often enough in a row', {}, 'crash-loop'],
    ['that failed less often', { consecutiveFailures: 4 }, undefined],
    ['that failed often and runs', { phase: 'running' }, undefined],
    ['that is started again after that', { phase: 'starting' }, 'crash-loop'],
    ['that is not tried again', { phase: 'failed', permanent: true, consecutiveFailures: 0 }, 'failed'],
    ['whose start failed by circumstance, often', { phase: 'failed', permanent: false }, 'crash-loop'],
    ['whose state could not be had once', { phase: 'state-unavailable', consecutiveFailures: 1 }, undefined],
    [
      'whose state cannot be had',
      { phase: 'state-unavailable', consecutiveFailures: 2 },
      'state-unavailable',
    ],
    ['that was stopped', { phase: 'stopped', consecutiveFailures: 0, permanent: false }, undefined],
  ])('%s', (_what, more, kind) => {
    expect(conditionsOf(more).map((condition) => condition.kind)).toEqual(kind === undefined ? [] : [kind]);
  });

  it('is named, with why and what to do', () => {
    expect(conditionsOf({})[0]).toMatchObject({
      subject: { type: 'bot', id: 'b1', name: 'momentum' },
      since: ago(60),
      what: 'Bot momentum (b1) failed 5 times in a row',
      why: 'It ended with exit code 1, 5 times in a row; it is started again.',
      todo: [expect.stringMatching(/mend it/)],
    });
  });

  it('that finds no room on the engine’s disk tells of the disk', () => {
    const reason = 'mkdir /var/lib/docker/x: no space left on device (tried 3 times)';
    expect(diskCondition({ bots: 2, since: ago(90), reason })).toMatchObject([
      { kind: 'capacity', part: 'disk', since: ago(90), what: 'A disk is full: 2 bots do not start' },
    ]);
    expect(diskCondition(undefined)).toEqual([]);
  });
});

describe('a schedule', () => {
  const schedule = (more: Partial<TroubledSchedule>): TroubledSchedule => ({
    _id: 's1',
    phase: 'active',
    reason: 'It ticks.',
    since: ago(3_600),
    failuresInRow: 0,
    nextAt: ago(-30),
    ...more,
  });
  const conditionsOf = (more: Partial<TroubledSchedule>) =>
    scheduleConditions([schedule(more)], {
      nowMs: AT.getTime(),
      crashes: 3,
      overdueMs: 25_000,
      missedSince: ago(600),
      nameOf: () => undefined,
    });
  const missed = { at: ago(60), ticks: 9, first: ago(700), last: ago(160) };

  it.each<[string, Partial<TroubledSchedule>, string[]]>([
    ['that does well', {}, []],
    ['that cannot be run', { phase: 'invalid' }, ['failed']],
    ['whose runs fail', { failuresInRow: 3 }, ['crash-loop']],
    ['whose runs failed before it was paused', { phase: 'paused', failuresInRow: 3 }, []],
    ['whose tick is a little late', { nextAt: ago(20) }, []],
    ['whose tick nobody handles', { nextAt: ago(30) }, ['missed-ticks']],
    ['whose ticks were handled late', { missed }, ['missed-ticks']],
    ['whose ticks were handled late long ago', { missed: { ...missed, at: ago(600) } }, []],
    ['that is late again', { missed, nextAt: ago(30) }, ['missed-ticks']],
  ])('%s', (_what, more, kinds) => {
    expect(conditionsOf(more).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('says which ticks were missed, and why ticks cannot be worked out', () => {
    expect(conditionsOf({ missed })[0]).toMatchObject({
      since: missed.first,
      what: 'Schedule s1 missed 9 ticks',
      why: expect.stringMatching(/from 2026-11-29 08:48:20 UTC to 2026-11-29 08:57:20 UTC/) as string,
    });
    const stuck = { reason: 'zone Mars/Base is not known here', since: ago(50), until: ago(-5) };
    expect(conditionsOf({ nextAt: ago(50), stuck })[0]?.why).toBe('zone Mars/Base is not known here.');
  });
});

import { describe, expect, it } from 'vitest';
import type { RunDetails } from '../../producers/control/run-list/view.ts';
import type { ExplanationView } from '../client/views/explanation-view.ts';
import { explainRun } from './run.ts';
import { explanationText } from './text.ts';

const look = { nowMs: Date.parse('2026-11-24T12:00:00Z'), columns: 60, colour: false };
const told: ExplanationView = {
  id: 'b1',
  verdict: 'It waits for its next attempt after it crashed four times in a row with exit code 1.',
  health: 'trouble',
  steps: [
    {
      kind: 'event',
      text: 'The platform asked for it.',
      at: '2026-11-24T11:00:00.000Z',
      obstacle: false,
      lines: [],
    },
    {
      kind: 'exit',
      text: 'It crashed with exit code 1, four times in a row, each time after 3 s or so.',
      at: '2026-11-24T11:59:50.000Z',
      obstacle: true,
      lines: ['Traceback', '\u001b[2JKeyError'],
    },
  ],
  next: 'It is tried again.',
  nextAt: '2026-11-24T12:00:20.000Z',
  cures: ['Read what it printed last.'],
  unknown: ['redis is away'],
};

it('an explanation fits the terminal, marks where things are held up, and lets nobody write over it', () => {
  const lines = explanationText(told, look).split('\n');
  expect(lines).toEqual([
    'trouble  It waits for its next attempt after it crashed four',
    '         times in a row with exit code 1.',
    '',
    '  event  1h ago   The platform asked for it.',
    '✖ exit   10s ago  It crashed with exit code 1, four times in',
    '                  a row, each time after 3 s or so.',
    '                  | Traceback',
    '                  | ·[2JKeyError',
    '',
    'next',
    '  - It is tried again. (in 20s, 2026-11-24T12:00:20.000Z)',
    '',
    'what to do',
    '  - Read what it printed last.',
    '',
    'not known',
    '  - redis is away',
  ]);
});

describe('a run', () => {
  const run: RunDetails = {
    id: 's@20261124T115900Z',
    schedule: 's',
    kind: 'tick',
    state: 'failed',
    reason: 'It crashed with exit code 3.',
    cause: 'tick',
    nominal: '2026-11-24T11:59:00.000Z',
    due: '2026-11-24T11:59:00.000Z',
    started: '2026-11-24T11:59:10.000Z',
    ended: '2026-11-24T11:59:12.000Z',
    deadline: null,
    nextAttempt: null,
    attempt: 2,
    exitCode: 3,
    signal: null,
    oomKilled: false,
    image: null,
    container: 'abcdef0123456789',
    processor: 'p1',
    traceId: null,
    cancel: null,
    request: null,
    result: null,
    resultProblem: null,
    lastOutput: ['boom'],
    attempts: [
      {
        attempt: 1,
        outcome: 'failed',
        reason: 'It crashed with exit code 2.',
        started: '2026-11-24T11:59:01.000Z',
        ended: '2026-11-24T11:59:03.000Z',
        exitCode: 2,
        signal: null,
        oomKilled: false,
        container: null,
        processor: 'p0',
      },
    ],
  };

  it('that failed is told attempt by attempt, with what to do', () => {
    const { health, verdict, steps, cures, next } = explainRun(run, undefined);
    expect([health, verdict, next]).toEqual([
      'trouble',
      'The run is failed: It crashed with exit code 3.',
      '',
    ]);
    expect(steps.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'run: It is a run of s for 2026-11-24T11:59:00.000Z (tick).',
      'exit: Attempt 1 is failed after 2.0s on p0: It crashed with exit code 2.',
      'container: Attempt 2 started on p1, in container abcdef012345.',
      'run: It is failed: It crashed with exit code 3.',
    ]);
    expect(steps.at(-1)).toMatchObject({ obstacle: true, lines: ['boom'] });
    expect(cures.join()).toContain(`backfill s --from ${run.nominal} --to ${run.nominal}`);
  });

  it('that waits is told with what its schedule waits for', () => {
    const waiting: RunDetails = {
      ...run,
      state: 'queued',
      reason: 'It waits.',
      started: null,
      ended: null,
      attempts: [],
      lastOutput: [],
    };
    const explained = explainRun(waiting, told);
    expect(explained).toMatchObject({
      health: 'waiting',
      next: told.next,
      cures: told.cures,
      unknown: told.unknown,
    });
    expect(explained.steps.map(({ kind }) => kind)).toEqual(['run', 'event', 'exit', 'run']);
    expect(explainRun({ ...run, state: 'succeeded' }, undefined)).toMatchObject({
      health: 'well',
      cures: [],
    });
  });
});

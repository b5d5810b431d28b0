import { describe, expect, it } from 'vitest';
import type { Run } from '../../model/runs.ts';
import { runsTable, runText } from './table.ts';
import { runDetails, runView } from '../../producers/control/run-list/view.ts';
import { waitForRun } from './wait.ts';

const now = new Date('2026-11-24T12:00:00Z');
const look = { nowMs: now.getTime(), columns: undefined, colour: false };
const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

const run = (over: Partial<Run> = {}): Run => ({
  _id: 's@20261124T115900Z',
  scheduleId: 's',
  kind: 'tick',
  nominal: before(60),
  due: before(60),
  state: 'succeeded',
  reason: 'It succeeded after 2 s.',
  cause: 'tick',
  createdAt: before(60),
  updatedAt: before(57),
  startedAt: before(59),
  endedAt: before(57),
  attempt: 1,
  exitCode: 0,
  attempts: [],
  ...over,
});

describe('the table', () => {
  it('says what became of each', () => {
    const { endedAt: _ended, exitCode: _code, ...open } = run();
    const views = [
      runView(run()),
      runView({ ...open, _id: 's@2', state: 'running', reason: 'Runs', attempt: 2 }),
    ];
    expect(runsTable(views, look)).toBe(
      [
        'RUN                 STATE      NOMINAL               TOOK  ATTEMPT  REASON',
        's@20261124T115900Z  succeeded  2026-11-24 11:59:00Z  2.0s  1        It succeeded after 2 s.',
        's@2                 running    2026-11-24 11:59:00Z  59s   2        Runs',
        '',
        '1 running, 1 succeeded',
      ].join('\n'),
    );
  });
});

describe('all about one run', () => {
  it('has its result, its earlier attempts and its last words', () => {
    const earlier = {
      attempt: 1,
      outcome: 'failed' as const,
      reason: 'Exited with 3',
      startedAt: before(80),
      endedAt: before(70),
      exitCode: 3,
    };
    const text = runText(
      runDetails(
        run({ attempt: 2, attempts: [earlier], result: { trades: 3 }, lastOutput: ['done\u001b[2J'] }),
      ),
      look,
    );
    expect(text).toContain('"trades": 3');
    expect(text).toMatch(/1 +failed +2026-11-24 11:58:50Z +10s +exit code 3 +Exited with 3/);
    expect(text).toContain('  done·[2J');
  });

  it('says who cancelled it, and why a result is missing', () => {
    const text = runText(
      runDetails(
        run({
          state: 'cancelled',
          cancel: { who: 'ann', why: 'wrong day', at: before(10) },
          resultProblem: 'It is not JSON.',
        }),
      ),
      look,
    );
    expect(text).toContain('ann: wrong day, 10s ago');
    expect(text).toMatch(/result +It is not JSON\./);
  });
});

it('waits until a run is over, and tells of each state once', async () => {
  const states = [run({ state: 'queued' }), run({ state: 'queued' }), run({ state: 'running' }), run()];
  const said: string[] = [];
  const ended = await waitForRun(async () => states.shift() ?? run(), {
    onState: ({ state }) => said.push(state),
    everyMs: 1,
  });
  expect(ended.state).toBe('succeeded');
  expect(said).toEqual(['queued', 'running']);
});

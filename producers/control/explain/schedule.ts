import { isEnabled } from '../../../model/bots.ts';
import { isFinal, type Run } from '../../../model/runs.ts';
import {
  schedulePolicy,
  type ScheduleOperator,
  type SchedulePolicyOutcome,
} from '../../../model/schedule-policy.ts';
import { SCHEDULE_QUEUES } from '../../../queues/names.ts';
import { eventSteps } from './events.ts';
import type { Explanation } from './explanation.ts';
import type { Facts, StoreFacts } from './facts.ts';
import { withMissing, type Needs } from './missing.ts';
import { holdingUp, pausedSteps } from './paused.ts';
import { alarmSteps, documentStep, holdStep, planStep, runSteps, timesStep } from './schedule-steps.ts';
import { ago, inside, lasting, sentence, stamp, times, until, wish } from './words.ts';

type Verdict = Pick<Explanation, 'verdict' | 'health' | 'next' | 'nextAt' | 'cures'>;

/** A tick is handled within milliseconds; beyond this somebody has to look. */
const OVERDUE_MS = 15_000;
const NEEDS: Omit<Needs, 'paused'> = {
  lease: 'scheduler',
  by: 'bot-scheduler',
  queues: 'schedule-tick and scheduled-run',
  engine: false,
};

/** The whole chain of one schedule, by what could be read. Pure. */
export function explainSchedule(facts: Facts, operator: ScheduleOperator): Explanation {
  const { id, now, store, unknown } = facts;
  if (store === undefined) throw new Error('A schedule is known by its document, which MongoDB has');
  const { schedule } = store;
  const outcome = schedule === undefined ? undefined : schedulePolicy(schedule, operator);
  const found = verdictOf(store, outcome, now);
  const ticks =
    outcome?.ok === true && schedule !== undefined && isEnabled(schedule) && store.hold === undefined;
  const open = ticks || store.runs.length > 0;
  // A tick makes a run, so what ticks needs both.
  const paused = holdingUp(facts.queue, ticks ? SCHEDULE_QUEUES : []);
  return {
    id,
    unknown,
    steps: [
      ...eventSteps(store, {
        order: store.scheduleOrder,
        document: schedule !== undefined,
        collection: 'bot_schedules',
      }),
      documentStep(store),
      ...holdStep(store),
      ...timesStep(store, outcome, now),
      planStep(facts, open),
      ...alarmSteps(facts, ticks),
      ...pausedSteps(facts.queue, paused),
      ...runSteps(facts),
    ],
    ...withMissing(facts, found, {
      needs: { ...NEEDS, paused, engine: store.runs.length > 0 },
      open,
    }),
  };
}

function verdictOf(store: StoreFacts, outcome: SchedulePolicyOutcome | undefined, now: Date): Verdict {
  const { schedule, hold, scheduleStatus: status, runs } = store;
  if (schedule === undefined || outcome === undefined) return deletedVerdict(store, now);
  const after =
    runs.length === 0
      ? ''
      : ` ${runs.length === 1 ? 'A run of it goes' : `${runs.length} runs of it go`} on to the end.`;
  if (!outcome.ok)
    return {
      verdict: `It cannot run as it is: ${sentence(outcome.problems.join('; '))}`,
      health: 'trouble',
      next: '',
      cures: ['Correct its configuration as the problem says, and deploy it again'],
    };
  if (!isEnabled(schedule))
    return {
      verdict: `It does not tick, as is wanted: its owner has disabled it.${after}`,
      health: 'wanted',
      next: '',
      cures: ['Have its owner enable it, if it is to tick: nobody else can; run it now for a single run'],
    };
  if (hold !== undefined)
    return {
      verdict: `It does not tick, as is wanted: ${wish(hold)} paused it.${after}`,
      health: 'wanted',
      next: '',
      cures: ['Resume it, if it is to tick again'],
    };
  if (status?.nextAt === undefined)
    return {
      verdict: 'It is to tick, and its times have not been worked out yet.',
      health: 'waiting',
      next: 'Its next nominal time is worked out, and its alarm set.',
      cures: [],
    };
  return tickingVerdict(store, { nextAt: status.nextAt, now });
}

function tickingVerdict(store: StoreFacts, { nextAt, now }: { nextAt: Date; now: Date }): Verdict {
  const { runs, scheduleStatus: status } = store;
  const next = { next: `It ticks ${until(nextAt, now)} (${stamp(nextAt)}).`, nextAt };
  const lateMs = now.getTime() - nextAt.getTime();
  if (lateMs > OVERDUE_MS)
    return {
      verdict: `It is overdue: the nominal time ${stamp(nextAt)} was not handled for ${lasting(lateMs)}.`,
      health: 'trouble',
      next: 'A look for what is overdue calls a processor; what was missed is then caught up or skipped by its policy.',
      cures: [
        'See whether processors take jobs of schedule-tick, and whether Redis answers ("the0-runtime doctor")',
      ],
    };
  const [first] = runs;
  const failures = status?.failuresInRow ?? 0;
  const going = first === undefined ? '' : ` ${runWords(first, now)}`;
  if (failures > 0) {
    const last = status?.lastRun;
    return {
      verdict: `It ticks, and its last run${failures === 1 ? '' : 's'} failed (${times(failures)} in a row${last === undefined ? '' : `: ${inside(last.reason)}`}).${going}`,
      health: 'trouble',
      ...next,
      cures: ['Read the output of the run that failed, and mend it; a backfill runs what was missed'],
    };
  }
  return { verdict: `It ticks as it should.${going}`, health: 'well', ...next, cures: [] };
}

/** How the first run of its line stands. */
function runWords(run: Run, now: Date): string {
  const what = `The run of ${stamp(run.nominal)}`;
  if (run.state === 'running' && run.startedAt !== undefined)
    return `${what} is going, for ${lasting(now.getTime() - run.startedAt.getTime())}.`;
  return isFinal(run.state) ? '' : `${what} is ${run.state}: ${sentence(run.reason)}`;
}

function deletedVerdict({ order, scheduleOrder, runs }: StoreFacts, now: Date): Verdict {
  const at = [scheduleOrder?.deletedAt, order?.deletedAt].find((deleted) => deleted !== undefined);
  const deleted =
    at === undefined ? 'There is no document of it' : `It was deleted ${ago(at, now)} (${stamp(at)})`;
  if (runs.length > 0)
    return {
      verdict: `${deleted}, and ${runs.length === 1 ? 'a run of it is' : `${runs.length} runs of it are`} not over.`,
      health: 'waiting',
      next: 'What is left of its runs ends; then its status is cleared.',
      cures: ['Cancel the run, if it is not to go on'],
    };
  return {
    verdict: `${deleted}, and nothing of it runs.`,
    health: at === undefined ? 'trouble' : 'wanted',
    next: '',
    cures: at === undefined ? ['Deploy it, or have the platform publish it again'] : [],
  };
}

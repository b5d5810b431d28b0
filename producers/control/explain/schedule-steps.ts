import { isEnabled } from '../../../model/bots.ts';
import { cronInWords } from '../../../model/cron/parse.ts';
import type { Run } from '../../../model/runs.ts';
import type { SchedulePolicyOutcome } from '../../../model/schedule-policy.ts';
import { jobStep } from './bot-steps.ts';
import type { ExplanationStep } from './explanation.ts';
import { holderOf, type Facts, type StoreFacts } from './facts.ts';
import { ago, lasting, sentence, short, stamp, until, wish } from './words.ts';

const MOST_RUNS = 5;

export function documentStep({ schedule }: StoreFacts): ExplanationStep {
  if (schedule === undefined)
    return { kind: 'document', text: 'There is no document of it, so it does not tick.' };
  const enabled = isEnabled(schedule);
  const { custom } = schedule;
  const code = custom?.filePath;
  const facts = [
    `schedule ${quoted(schedule.config?.['schedule'])}`,
    ...(custom?.version === undefined ? [] : [`version ${custom.version}`]),
    ...(custom?.config?.runtime === undefined ? [] : [custom.config.runtime]),
    code === undefined || code === '' ? 'no code was ever uploaded' : `code at ${code}`,
  ].join(', ');
  return {
    kind: 'document',
    text: `Its owner has ${enabled ? 'it enabled' : 'disabled it'}: ${facts}.`,
    obstacle: !enabled || code === undefined || code === '',
  };
}

/** What is no schedule is shown as a complaint about it shows it. */
const quoted = (cron: unknown): string => {
  const text = cronInWords(cron ?? null);
  return text === cron ? JSON.stringify(text) : text;
};

export const holdStep = ({ hold }: StoreFacts): ExplanationStep[] =>
  hold === undefined ? [] : [{ kind: 'hold', text: `Paused by ${wish(hold)}.`, at: hold.at, obstacle: true }];

/** When it is due, and how far its times are handled. */
export function timesStep(
  { scheduleStatus: status }: StoreFacts,
  outcome: SchedulePolicyOutcome | undefined,
  now: Date,
): ExplanationStep[] {
  if (outcome === undefined) return [];
  if (!outcome.ok)
    return outcome.problems.map((problem) => ({ kind: 'schedule', text: sentence(problem), obstacle: true }));
  const { misfire, overlap, zone } = outcome.policy;
  const policy: ExplanationStep = {
    kind: 'schedule',
    text: `By the clocks of ${zone}; missed times: ${misfire.policy}, overlaps: ${overlap.policy}.`,
  };
  if (status === undefined)
    return [policy, { kind: 'schedule', text: 'Nobody has looked at it yet.', obstacle: true }];
  const { handledThrough, nextAt, phase, reason, claim } = status;
  return [
    policy,
    ...(handledThrough === undefined
      ? []
      : [
          {
            kind: 'schedule' as const,
            text: `All nominal times up to ${stamp(handledThrough)} have their record.`,
            at: handledThrough,
          },
        ]),
    ...(nextAt === undefined
      ? [{ kind: 'schedule' as const, text: `It has no next time (${phase}: ${sentence(reason)})` }]
      : [
          {
            kind: 'schedule' as const,
            text: `The next nominal time is ${stamp(nextAt)}, ${until(nextAt, now)}.`,
            at: nextAt,
          },
        ]),
    ...(claim === undefined || claim === null || claim.until <= now
      ? []
      : [{ kind: 'lock' as const, text: `${claim.owner.split('/')[0]} is handling its ticks.` }]),
  ];
}

export function planStep(facts: Facts, open: boolean): ExplanationStep {
  const scheduler = holderOf(facts, 'scheduler');
  if (scheduler !== undefined)
    return { kind: 'plan', text: `${scheduler.service} ${scheduler._id} looks after the schedules.` };
  return {
    kind: 'plan',
    text: 'Nobody looks after the schedules at present: no bot-scheduler is alive.',
    obstacle: open,
  };
}

export function alarmSteps({ queue, store, now }: Facts, ticks: boolean): ExplanationStep[] {
  if (queue === undefined) return [];
  const { alarmAt, processors } = queue;
  const nextAt = store?.scheduleStatus?.nextAt;
  return [
    alarmAt === undefined
      ? {
          kind: 'job',
          text: ticks ? 'It has no alarm; the next check sets it.' : 'It has no alarm.',
          obstacle: ticks && nextAt !== undefined,
        }
      : { kind: 'job', text: `Its alarm rings ${until(alarmAt, now)}.`, at: alarmAt },
    processors === 0
      ? { kind: 'job', text: 'No processor takes jobs of schedule-tick: none is alive.', obstacle: ticks }
      : {
          kind: 'job',
          text: `${processors} processor${processors === 1 ? ' takes' : 's take'} jobs of schedule-tick.`,
        },
  ];
}

/** Its line, and how its last run ended. */
export function runSteps({ store, queue, now }: Facts): ExplanationStep[] {
  const runs = store?.runs ?? [];
  const last = store?.scheduleStatus?.lastRun;
  return [
    ...runs.slice(0, MOST_RUNS).map((run) => runStep(run, now)),
    ...(runs.length > MOST_RUNS
      ? [{ kind: 'run' as const, text: `${runs.length - MOST_RUNS} more runs wait in its line.` }]
      : []),
    ...(queue?.jobs ?? []).map((job) => jobStep(job, now)),
    ...(last === undefined
      ? []
      : [
          {
            kind: 'run' as const,
            text: `The last run, ${last.runId}, ended as ${last.state} ${ago(last.endedAt, now)}: ${sentence(last.reason)}`,
            at: last.endedAt,
            obstacle: last.state === 'failed' || last.state === 'timed-out',
          },
        ]),
  ];
}

function runStep(run: Run, now: Date): ExplanationStep {
  const { _id, state, reason, startedAt, containerId, nextAttemptAt, attempt, cancel } = run;
  const parts = [
    ...(startedAt === undefined ? [] : [`started ${ago(startedAt, now)}`]),
    ...(containerId === undefined ? [] : [`in container ${short(containerId)}`]),
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(nextAttemptAt === undefined ? [] : [`next attempt ${until(nextAttemptAt, now)}`]),
    ...(run.deadline === undefined || state !== 'running'
      ? []
      : [`it is stopped ${until(run.deadline, now)} at the latest`]),
    ...(cancel === undefined ? [] : [`${wish(cancel)} wants it cancelled`]),
    ...(state === 'queued' ? [`waits since ${lasting(now.getTime() - run.createdAt.getTime())}`] : []),
  ];
  return {
    kind: 'run',
    text: `Run ${_id} is ${state}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}: ${sentence(reason)}`,
    at: startedAt ?? run.createdAt,
    ...(run.lastOutput === undefined ? {} : { lines: run.lastOutput }),
  };
}

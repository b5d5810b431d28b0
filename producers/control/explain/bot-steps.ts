import { isEnabled } from '../../../model/bots.ts';
import type { Transition } from '../../../model/planner.ts';
import type { LastExit } from '../../../model/status.ts';
import type { JobFact } from '../../../queues/job-facts.ts';
import { engineAsSeen } from '../installation/processes.ts';
import type { ExplanationStep } from './explanation.ts';
import { holderOf, type Facts, type StoreFacts } from './facts.ts';
import { ago, inside, lasting, sentence, short, times, until, wish } from './words.ts';

export function documentStep({ bot }: StoreFacts): ExplanationStep {
  if (bot === undefined)
    return { kind: 'document', text: 'There is no document of it, so nothing of it is to run.' };
  const enabled = isEnabled(bot);
  const where = typeof bot.enabled === 'boolean' ? 'enabled' : 'config.enabled';
  const { custom } = bot;
  const version = custom?.version ?? custom?.config?.version;
  const code = custom?.filePath;
  const facts = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(custom?.config?.runtime === undefined ? [] : [custom.config.runtime]),
    code === undefined || code === '' ? 'no code was ever uploaded' : `code at ${code}`,
  ].join(', ');
  return {
    kind: 'document',
    text: `${enabled ? 'Its owner has it enabled' : `Its owner has disabled it (${where})`}: ${facts}.`,
    obstacle: !enabled || code === undefined || code === '',
  };
}

/** What operators want of it. */
export function wishSteps({ hold, restart, rollout, status }: StoreFacts, id: string): ExplanationStep[] {
  const done = (status?.attemptedRestarts ?? 0) >= (restart?.count ?? 0);
  return [
    ...(hold === undefined
      ? []
      : [{ kind: 'hold' as const, text: `Held by ${wish(hold)}.`, at: hold.at, obstacle: true }]),
    ...(restart === undefined
      ? []
      : [
          {
            kind: 'restart' as const,
            text: `${wish(restart)} asked for a restart; ${done ? 'it has been tried since' : 'it has not been tried since'}.`,
            at: restart.at,
          },
        ]),
    ...(rollout === undefined ? [] : [rolloutStep(rollout, id)]),
  ];
}

function rolloutStep(
  { _id, who, why, next, bots, current }: NonNullable<StoreFacts['rollout']>,
  id: string,
): ExplanationStep {
  const place = bots.indexOf(id);
  const how = current.some(({ botId }) => botId === id)
    ? 'it is its turn now'
    : place < next
      ? 'it had its turn'
      : `${place - next} are before it`;
  return { kind: 'restart', text: `The roll-out ${_id} of ${wish({ who, why })} restarts it: ${how}.` };
}

/** `open`: something is to be done about it. */
export function planSteps(facts: Facts, plan: Transition | undefined, open: boolean): ExplanationStep[] {
  const planner = holderOf(facts, 'planner');
  const engine = engineAsSeen(facts.store?.processes ?? []);
  return [
    {
      kind: 'plan',
      text:
        plan === undefined
          ? 'By what is on record there is nothing to do about it.'
          : `By what is on record: ${plan.kind}, since ${inside(plan.cause)}${plan.delayMs > 0 ? ` ${until(new Date(facts.now.getTime() + plan.delayMs), facts.now)}` : ''}.`,
    },
    planner === undefined
      ? {
          kind: 'plan',
          text: 'Nobody plans at present, so nothing that changes is noticed: no bot-runner is alive.',
          obstacle: open,
        }
      : { kind: 'plan', text: `${planner.service} ${planner._id} plans.` },
    ...(engine.reachable
      ? []
      : [
          {
            kind: 'container' as const,
            text: `The container engine is not to be had: ${sentence(engine.problem)}`,
            obstacle: open,
          },
        ]),
  ];
}

export function jobSteps({ queue, now }: Facts, queues: string, open: boolean): ExplanationStep[] {
  if (queue === undefined) return [];
  const { jobs, processors } = queue;
  return [
    ...jobs.map((job) => jobStep(job, now)),
    ...(jobs.length === 0
      ? [{ kind: 'job' as const, text: 'No job of it waits, is delayed or active.' }]
      : []),
    processors === 0
      ? { kind: 'job', text: `No processor takes jobs of ${queues}: none is alive.`, obstacle: open }
      : {
          kind: 'job',
          text: `${processors} processor${processors === 1 ? '' : 's'} take${processors === 1 ? 's' : ''} jobs of ${queues}.`,
        },
  ];
}

export function jobStep(job: JobFact, now: Date): ExplanationStep {
  const { queue, state, cause, attempts, addedAt, dueAt, takenAt, endedAt, failedReason, followed } = job;
  const because = cause === '' ? '' : ` (${inside(cause)})`;
  const what = `Job ${job.id} of ${queue}${because}`;
  const taken = attempts === 0 ? '' : `, taken ${times(attempts)}`;
  switch (state) {
    case 'waiting':
      return {
        kind: 'job',
        text: `${what} waits to be taken, since ${lasting(now.getTime() - addedAt.getTime())}${taken}.`,
        at: addedAt,
      };
    case 'delayed':
      return {
        kind: 'job',
        text: `${what} is due ${dueAt === undefined ? 'later' : until(dueAt, now)}${taken}.`,
        at: dueAt,
      };
    case 'active': {
      const since = takenAt === undefined ? '' : `, since ${lasting(now.getTime() - takenAt.getTime())}`;
      const then = followed ? '; a newer one waits for its end' : '';
      return { kind: 'job', text: `${what} is being worked on${since}${taken}${then}.`, at: takenAt };
    }
    case 'failed':
      return {
        kind: 'job',
        text: `${what} has failed for good${taken}: ${sentence(failedReason ?? 'for no reason that is known')} It stays among the failed ones, where it may be retried.`,
        at: endedAt,
        obstacle: true,
      };
  }
}

export function lockStep({ status }: StoreFacts, now: Date): ExplanationStep[] {
  const lock = status?.lock;
  if (lock === undefined || lock === null) return [];
  const [processor] = lock.owner.split('/');
  if (lock.until > now) return [{ kind: 'lock', text: `${processor} is at it (token ${lock.token}).` }];
  return [
    {
      kind: 'lock',
      text: `${processor} was at it and has not said so since ${ago(lock.until, now)}: it died, or is cut off. Another takes over.`,
      at: lock.until,
    },
  ];
}

export function containerSteps({ status }: StoreFacts, now: Date): ExplanationStep[] {
  if (status === undefined) return [];
  const { containerId, image, startedAt, lastExit, restarts } = status;
  const since = startedAt === undefined ? '' : `, started ${ago(startedAt, now)}`;
  const container: ExplanationStep =
    containerId === undefined
      ? { kind: 'container', text: 'No container of it is on record.' }
      : {
          kind: 'container',
          text: `Container ${short(containerId)} of image ${image ?? 'unknown'}${since}.`,
          at: startedAt,
        };
  return [
    container,
    ...(lastExit === undefined ? [] : [exitStep(lastExit)]),
    ...(restarts > 0
      ? [
          {
            kind: 'exit' as const,
            text: `It was started again ${times(restarts)} since its owner's last change.`,
          },
        ]
      : []),
  ];
}

const MOST_LINES = 20;

/** In words, as processors say it. */
export function exitWords(exit: LastExit): string {
  const after = `after ${lasting(exit.upSeconds * 1_000)}`;
  if (exit.requested) return `ended as asked ${after}`;
  if (exit.oomKilled) return `ran out of memory and was killed ${after}`;
  if (exit.signal !== undefined) return `was ended by ${exit.signal} ${after}`;
  if (exit.exitCode === 0) return `ended by itself (exit code 0) ${after}`;
  return `crashed with exit code ${exit.exitCode} ${after}`;
}

function exitStep(exit: LastExit): ExplanationStep {
  return {
    kind: 'exit',
    text: `Container ${short(exit.containerId)} ${exitWords(exit)}.`,
    at: exit.at,
    lines: exit.lastOutput.slice(-MOST_LINES),
  };
}

export function backOffStep({ status }: StoreFacts, now: Date): ExplanationStep[] {
  if (status?.nextAttemptAt === undefined) return [];
  const row =
    status.consecutiveFailures > 1 ? ` It has failed ${times(status.consecutiveFailures)} in a row.` : '';
  return [
    {
      kind: 'back-off',
      text: `The next attempt is due ${until(status.nextAttemptAt, now)}.${row}`,
      at: status.nextAttemptAt,
      obstacle: status.nextAttemptAt > now && status.phase !== 'running',
    },
  ];
}

export function stateSteps({ state }: StoreFacts): ExplanationStep[] {
  if (state === undefined) return [];
  const { overLimit, problems = [], discard, restoring, platformAt, platformEtag } = state;
  return [
    ...(overLimit === undefined
      ? []
      : [{ kind: 'state' as const, text: sentence(overLimit.reason), at: overLimit.at, obstacle: true }]),
    ...(discard === undefined
      ? []
      : [
          {
            kind: 'state' as const,
            text: `${discard.who} deleted its state: the next start begins empty.`,
            at: discard.at,
          },
        ]),
    ...(restoring === undefined
      ? []
      : [
          {
            kind: 'state' as const,
            text: 'Its state is being put on its volume, or that was interrupted and is done again.',
          },
        ]),
    ...(platformEtag === undefined || platformAt === undefined
      ? []
      : [
          {
            kind: 'state' as const,
            text: 'The platform changed its state: it is restarted with it.',
            at: platformAt,
          },
        ]),
    ...problems
      .slice(0, 3)
      .map((problem) => ({ kind: 'state' as const, text: `Not saved: ${sentence(problem)}` })),
  ];
}

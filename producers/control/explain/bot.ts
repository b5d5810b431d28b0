import { isEnabled } from '../../../model/bots.ts';
import type { Transition } from '../../../model/planner.ts';
import type { BotStatus } from '../../../model/status.ts';
import {
  backOffStep,
  containerSteps,
  documentStep,
  jobSteps,
  lockStep,
  planSteps,
  stateSteps,
  wishSteps,
} from './bot-steps.ts';
import { curesOf } from './cures.ts';
import { eventSteps } from './events.ts';
import type { Explanation } from './explanation.ts';
import type { Facts, StoreFacts } from './facts.ts';
import { withMissing, type Needs } from './missing.ts';
import { holdingUp, neededBy, pausedSteps } from './paused.ts';
import { planOf } from './plan.ts';
import { ago, inside, lasting, sentence, stamp, until, wish } from './words.ts';

type Verdict = Pick<Explanation, 'verdict' | 'health' | 'next' | 'nextAt' | 'cures'>;

/** The whole chain of one bot, by what could be read. Pure. */
export function explainBot(facts: Facts): Explanation {
  const { id, now, store, unknown } = facts;
  if (store === undefined)
    return {
      id,
      verdict: 'What should run and how it stands is not known, since MongoDB could not be asked.',
      health: 'unknown',
      steps: [...jobSteps(facts, 'start', true), ...pausedSteps(facts.queue, holdingUp(facts.queue, []))],
      next: '',
      cures: ['See why MongoDB does not answer ("the0-runtime doctor"); bots that run go on meanwhile'],
      unknown,
    };
  const plan = planOf(id, store, now);
  const found = verdictOf(facts, store, plan);
  // Whoever is not there holds nothing up where there is nothing to do.
  const open = plan !== undefined || found.health === 'waiting';
  const paused = holdingUp(facts.queue, neededBy(plan, facts.queue));
  return {
    id,
    unknown,
    traceId: store.status?.traceId,
    steps: [
      ...eventSteps(store, { order: store.order, document: store.bot !== undefined, collection: 'bots' }),
      documentStep(store),
      ...wishSteps(store, id),
      ...planSteps(facts, plan, open),
      ...jobSteps(facts, 'start', open),
      ...pausedSteps(facts.queue, paused),
      ...lockStep(store, now),
      ...stateSteps(store),
      ...containerSteps(store, now),
      ...backOffStep(store, now),
    ],
    ...withMissing(facts, found, { needs: { ...NEEDS, paused }, open }),
  };
}

const NEEDS: Omit<Needs, 'paused'> = {
  lease: 'planner',
  by: 'bot-runner',
  queues: 'start, stop and restart',
  engine: true,
};

function verdictOf({ now }: Facts, store: StoreFacts, plan: Transition | undefined): Verdict {
  const { bot, status, hold } = store;
  if (bot === undefined) return deletedVerdict(store, now);
  if (!isEnabled(bot)) {
    const wanted = 'its owner has disabled it';
    const cures = ['Have its owner enable it, if it is to run: nobody else can'];
    return restVerdict(status, { wanted, cures, settled: 'stopped' });
  }
  if (hold !== undefined) {
    const wanted = `${wish(hold)} holds it`;
    return restVerdict(status, {
      wanted,
      cures: ['Release or start it, if it is to run again'],
      settled: 'held',
    });
  }
  if (status === undefined)
    return {
      verdict: 'It is to run, and nothing has looked at it yet.',
      health: 'waiting',
      next: 'It is planned and started.',
      cures: [],
    };
  return wantedVerdict(status, plan, now);
}

function restVerdict(
  status: BotStatus | undefined,
  { wanted, cures, settled }: { wanted: string; cures: string[]; settled: 'stopped' | 'held' },
): Verdict {
  if (
    status === undefined ||
    status.phase === settled ||
    (status.phase === 'failed' && status.failureCode === 'bad_id')
  )
    return { verdict: `It does not run, as is wanted: ${wanted}.`, health: 'wanted', next: '', cures };
  return {
    verdict: `It is to rest, since ${wanted}, and is not settled yet (${status.phase}: ${inside(status.reason)}).`,
    health: 'waiting',
    next: 'What is left of it is stopped in order and removed.',
    cures: status.failureCode === undefined ? [] : curesOf(status),
  };
}

function deletedVerdict({ order, scheduleOrder, status }: StoreFacts, now: Date): Verdict {
  const at = [order?.deletedAt, scheduleOrder?.deletedAt].find((deleted) => deleted !== undefined);
  const deleted =
    at === undefined ? 'There is no document of it' : `It was deleted ${ago(at, now)} (${stamp(at)})`;
  if (status !== undefined)
    return {
      verdict: `${deleted}, and what is left of it is being cleared away (${status.phase}: ${inside(status.reason)}).`,
      health: 'waiting',
      next: 'Its container is stopped in order and removed, and its status is cleared.',
      cures: [],
    };
  return {
    verdict: `${deleted}, and nothing of it runs.`,
    health: at === undefined ? 'trouble' : 'wanted',
    next: '',
    cures:
      at === undefined
        ? ['Deploy it, or have the platform publish it again: no event has brought a document of it']
        : [],
  };
}

function wantedVerdict(status: BotStatus, plan: Transition | undefined, now: Date): Verdict {
  const { phase, reason, nextAttemptAt, permanent } = status;
  const overtaken = plan !== undefined && plan.delayMs === 0 ? plan : undefined;
  const nextTry = (): Pick<Verdict, 'next' | 'nextAt'> =>
    overtaken !== undefined || nextAttemptAt === undefined
      ? { next: 'It is tried at once.' }
      : { next: `It is tried again ${until(nextAttemptAt, now)}.`, nextAt: nextAttemptAt };
  switch (phase) {
    case 'running': {
      const up =
        status.startedAt === undefined ? '' : `, for ${lasting(now.getTime() - status.startedAt.getTime())}`;
      if (overtaken === undefined)
        return {
          verdict: `It runs as it should${up}. ${remarks(reason)}`.trimEnd(),
          health: 'well',
          next: '',
          cures: [],
        };
      return {
        verdict: `It runs${up}, and is to be ${overtaken.kind === 'restart' ? 'restarted' : 'looked at'}: ${sentence(overtaken.cause)}`,
        health: 'waiting',
        next: 'It is stopped in order and started anew.',
        cures: status.failureCode === undefined ? [] : curesOf(status),
      };
    }
    case 'pending':
    case 'starting':
      return {
        verdict: `It is being started: ${sentence(reason)}`,
        health: 'waiting',
        next: 'Its container is started.',
        cures: [],
      };
    case 'stopping':
    case 'stopped':
    case 'held':
      return {
        verdict: `It is to run again, and has not been started yet (${phase}: ${inside(reason)}).`,
        health: 'waiting',
        next: 'It is started.',
        cures: [],
      };
    case 'backing-off':
      return {
        verdict: `It does not run: ${sentence(reason)}`,
        health: 'trouble',
        ...nextTry(),
        cures: curesOf(status),
      };
    case 'failed':
    case 'state-unavailable': {
      const final = permanent === true && overtaken === undefined;
      return {
        verdict: `It does not run${final ? ', and is not tried again as it is' : ''}: ${sentence(reason)}`,
        health: 'trouble',
        ...(final ? { next: '' } : nextTry()),
        cures: curesOf(status),
      };
    }
  }
}

/** What its owner should know although it runs. */
const remarks = (reason: string): string => reason.replace(/^It runs[^.]*\.\s*/, '');

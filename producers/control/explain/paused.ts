import type { Transition } from '../../../model/planner.ts';
import type { QueueName } from '../../../queues/names.ts';
import type { ExplanationStep } from './explanation.ts';
import type { QueueFacts } from './facts.ts';

/** Of the paused queues those that hold it up: where its next job goes to (`needed`), or one of it waits. Pure. */
export function holdingUp(queue: QueueFacts | undefined, needed: readonly QueueName[]): QueueName[] {
  const { jobs = [], paused = [] } = queue ?? {};
  return paused.filter(
    (name) =>
      needed.includes(name) ||
      jobs.some((job) => job.queue === name && (job.state === 'waiting' || job.state === 'delayed')),
  );
}

/** Where the next job of a bot goes to. One that is being worked on goes on, whatever is paused. */
export function neededBy(plan: Transition | undefined, queue: QueueFacts | undefined): QueueName[] {
  if (plan === undefined) return [];
  const { kind } = plan;
  return queue?.jobs.some((job) => job.queue === kind && job.state === 'active') === true ? [] : [kind];
}

/** Each paused queue; `holding`: those that something waits for. */
export const pausedSteps = (
  queue: QueueFacts | undefined,
  holding: readonly QueueName[],
): ExplanationStep[] =>
  (queue?.paused ?? []).map((name) => ({
    kind: 'job',
    text: `The queue ${name} is paused: nobody takes its jobs until it is resumed in Bull Board.`,
    obstacle: holding.includes(name),
  }));

/** In words: what keeps the work back, until when, and what ends it. */
export function pausedWords(names: readonly QueueName[]): { what: string; then: string; cure: string } {
  const [queues, is, it] =
    names.length === 1
      ? [`the queue ${names.join()}`, 'is', 'it']
      : [`the queues ${names.join(' and ')}`, 'are', 'they'];
  return {
    what: `${queues} ${is} paused`,
    then: `${queues} ${is} resumed`,
    cure: `Resume ${queues} in Bull Board (“Queues” of the dashboard), where ${it} ${it === 'it' ? 'was' : 'were'} paused`,
  };
}

import { Argument } from 'commander';

/** Of what an argument is the id. */
export const ID_KINDS = ['bot', 'schedule', 'bot-or-schedule', 'any', 'run', 'rollout', 'queue'] as const;
export type IdKind = (typeof ID_KINDS)[number];

const ABOUT: Readonly<Record<IdKind, string>> = {
  bot: 'the bot’s id',
  schedule: 'the schedule’s id',
  'bot-or-schedule': 'id of the bot or schedule',
  any: 'id of a bot, schedule or run',
  run: 'the run’s id',
  rollout: 'the roll-out’s id',
  queue: 'the queue’s name',
};

/** An argument that is an id, which shells complete. `name`: `<id>`, or `[id]` where it may be left out. */
export class IdArgument extends Argument {
  readonly kind: IdKind;
  constructor(name: string, kind: IdKind) {
    super(name, ABOUT[kind]);
    this.kind = kind;
  }
}

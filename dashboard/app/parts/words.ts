import { BotPhase, Explanation_Health } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { RunState } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { SchedulePhase } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';

/** How something stands, in a form that is told by its shape as well as by its colour. */
export type Tone = 'well' | 'moving' | 'waiting' | 'trouble' | 'wanted' | 'off';
export type Glyph =
  | 'dot'
  | 'half'
  | 'ring'
  | 'loop'
  | 'triangle'
  | 'square'
  | 'pause'
  | 'diamond'
  | 'check'
  | 'cross'
  | 'dash'
  | 'clock';
export type Look = { word: string; tone: Tone; glyph: Glyph };

export const BOT_LOOKS: Readonly<Record<BotPhase, Look>> = {
  [BotPhase.UNSPECIFIED]: { word: 'unknown', tone: 'off', glyph: 'ring' },
  [BotPhase.PENDING]: { word: 'pending', tone: 'moving', glyph: 'ring' },
  [BotPhase.STARTING]: { word: 'starting', tone: 'moving', glyph: 'half' },
  [BotPhase.RUNNING]: { word: 'running', tone: 'well', glyph: 'dot' },
  [BotPhase.BACKING_OFF]: { word: 'backing off', tone: 'waiting', glyph: 'loop' },
  [BotPhase.STOPPING]: { word: 'stopping', tone: 'moving', glyph: 'half' },
  [BotPhase.STOPPED]: { word: 'stopped', tone: 'off', glyph: 'square' },
  [BotPhase.HELD]: { word: 'held', tone: 'wanted', glyph: 'pause' },
  [BotPhase.FAILED]: { word: 'failed', tone: 'trouble', glyph: 'triangle' },
  [BotPhase.STATE_UNAVAILABLE]: { word: 'no state', tone: 'trouble', glyph: 'diamond' },
};

/** Trouble first, as the API orders them. */
export const BOT_PHASE_ORDER: readonly BotPhase[] = [
  BotPhase.FAILED,
  BotPhase.STATE_UNAVAILABLE,
  BotPhase.BACKING_OFF,
  BotPhase.STARTING,
  BotPhase.STOPPING,
  BotPhase.PENDING,
  BotPhase.RUNNING,
  BotPhase.HELD,
  BotPhase.STOPPED,
  BotPhase.UNSPECIFIED,
];

export const SCHEDULE_LOOKS: Readonly<Record<SchedulePhase, Look>> = {
  [SchedulePhase.UNSPECIFIED]: { word: 'unknown', tone: 'off', glyph: 'ring' },
  [SchedulePhase.ACTIVE]: { word: 'active', tone: 'well', glyph: 'dot' },
  [SchedulePhase.PENDING]: { word: 'pending', tone: 'moving', glyph: 'ring' },
  [SchedulePhase.PAUSED]: { word: 'paused', tone: 'wanted', glyph: 'pause' },
  [SchedulePhase.DISABLED]: { word: 'disabled', tone: 'off', glyph: 'square' },
  [SchedulePhase.INVALID]: { word: 'invalid', tone: 'trouble', glyph: 'triangle' },
  [SchedulePhase.GONE]: { word: 'gone', tone: 'off', glyph: 'dash' },
};

export const RUN_LOOKS: Readonly<Record<RunState, Look>> = {
  [RunState.UNSPECIFIED]: { word: 'unknown', tone: 'off', glyph: 'ring' },
  [RunState.QUEUED]: { word: 'queued', tone: 'moving', glyph: 'ring' },
  [RunState.PREPARING]: { word: 'preparing', tone: 'moving', glyph: 'half' },
  [RunState.RUNNING]: { word: 'running', tone: 'moving', glyph: 'dot' },
  [RunState.RETRYING]: { word: 'retrying', tone: 'waiting', glyph: 'loop' },
  [RunState.SUCCEEDED]: { word: 'succeeded', tone: 'well', glyph: 'check' },
  [RunState.FAILED]: { word: 'failed', tone: 'trouble', glyph: 'cross' },
  [RunState.TIMED_OUT]: { word: 'timed out', tone: 'trouble', glyph: 'clock' },
  [RunState.CANCELLED]: { word: 'cancelled', tone: 'wanted', glyph: 'square' },
  [RunState.SKIPPED]: { word: 'skipped', tone: 'off', glyph: 'dash' },
};

/** Not over yet: it can be cancelled. */
export const isOpenRun = (state: RunState): boolean =>
  state === RunState.QUEUED ||
  state === RunState.PREPARING ||
  state === RunState.RUNNING ||
  state === RunState.RETRYING;

export const HEALTH_LOOKS: Readonly<Record<Explanation_Health, Look>> = {
  [Explanation_Health.UNSPECIFIED]: { word: 'unknown', tone: 'off', glyph: 'ring' },
  [Explanation_Health.WELL]: { word: 'well', tone: 'well', glyph: 'dot' },
  [Explanation_Health.WAITING]: { word: 'on its way', tone: 'waiting', glyph: 'loop' },
  [Explanation_Health.WANTED]: { word: 'as wanted', tone: 'wanted', glyph: 'pause' },
  [Explanation_Health.TROUBLE]: { word: 'trouble', tone: 'trouble', glyph: 'triangle' },
};

export const needsSomeone = (phase: BotPhase): boolean =>
  phase === BotPhase.FAILED || phase === BotPhase.STATE_UNAVAILABLE || phase === BotPhase.BACKING_OFF;

/** States of runs as the API counts them. */
export const RUN_WORDS: Readonly<Record<string, string>> = {
  succeeded: 'Succeeded',
  failed: 'Failed',
  'timed-out': 'Timed out',
  cancelled: 'Cancelled',
  skipped: 'Skipped',
};

const LOOKS_BY_WORD = new Map(
  [...Object.values(SCHEDULE_LOOKS), ...Object.values(RUN_LOOKS), ...Object.values(BOT_LOOKS)].map((look) => [
    look.word,
    look,
  ]),
);

/** Of a phase or state as events name it: `backing-off`. */
export const lookOfWord = (word: string): Look =>
  LOOKS_BY_WORD.get(word === 'state-unavailable' ? 'no state' : word.replaceAll('-', ' ')) ?? {
    word,
    tone: 'off',
    glyph: 'ring',
  };

/** Why a bot was looked at, in so few words that they can be a label. */
export const CAUSE_KINDS = [
  'new',
  'enabled',
  'disabled',
  'held',
  'released',
  'changed',
  'asked',
  'ended',
  'never-started',
  'adopted',
  'back-off',
  'missing',
  'deleted',
  'state',
  'other',
] as const;
export type CauseKind = (typeof CAUSE_KINDS)[number];

/** How the causes of jobs begin, as whoever makes them words them. */
const BEGINNINGS: readonly (readonly [beginning: string, kind: CauseKind])[] = [
  ['the bot is new', 'new'],
  ['its owner enabled it', 'enabled'],
  ['its owner disabled it', 'disabled'],
  ['the bot is held', 'held'],
  ['its hold was lifted', 'released'],
  ['its configuration or code changed', 'changed'],
  ['a restart was asked for', 'asked'],
  ['its container ended', 'ended'],
  ['its container was created and never started', 'never-started'],
  ['a running container is adopted', 'adopted'],
  ['the back-off runs out', 'back-off'],
  ['next attempt after', 'back-off'],
  ['the bot should run and does not', 'missing'],
  ['the bot was deleted', 'deleted'],
  ['the platform changed its state', 'state'],
  ['its state ', 'state'],
  ['Its state ', 'state'],
  ['more is allowed of a state', 'state'],
  ['what can be saved of its state', 'state'],
];

/** Of the cause that a job of a bot brings, in words. */
export function causeKind(cause: string): CauseKind {
  return BEGINNINGS.find(([beginning]) => cause.startsWith(beginning))?.[1] ?? 'other';
}

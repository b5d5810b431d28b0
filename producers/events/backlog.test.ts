import { expect, it } from 'vitest';
import { Backlog } from './backlog.ts';
import type { BotEvent } from './parse.ts';

const event = (kind: BotEvent['kind'], botId: string): BotEvent =>
  kind === 'deleted' ? { kind, botId } : { kind, botId, config: {}, custom: {} };

/** `history`: kinds by sequence, from 1. Gives the sequences that are not moot. */
function applied(...history: [BotEvent['kind'], string][]): number[] {
  const backlog = new Backlog();
  const events = history.map(([kind, botId], index) => ({ event: event(kind, botId), sequence: index + 1 }));
  for (const each of events) backlog.note(each.event, each.sequence);
  return events.filter((each) => !backlog.isMoot(each.event, each.sequence)).map(({ sequence }) => sequence);
}

it('leaves the newest that says all there is to say, and what follows it', () => {
  expect(applied(['created', 'a'], ['updated', 'a'], ['updated', 'a'])).toEqual([3]);
  expect(applied(['created', 'a'], ['updated', 'a'], ['deleted', 'a'])).toEqual([3]);
  expect(applied(['updated', 'a'], ['deleted', 'a'], ['created', 'a'])).toEqual([2, 3]);
});

it('takes nothing for moot because of a created: where the bot is there, it says nothing', () => {
  expect(applied(['updated', 'a'], ['created', 'a'])).toEqual([1, 2]);
  expect(applied(['created', 'a'], ['created', 'a'])).toEqual([1, 2]);
});

it('keeps bots apart, and what was not in it is never moot', () => {
  expect(applied(['created', 'a'], ['updated', 'b'], ['deleted', 'c'])).toEqual([1, 2, 3]);
  expect(new Backlog().isMoot(event('updated', 'a'), 1)).toBe(false);
});

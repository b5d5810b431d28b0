import { describe, expect, it } from 'vitest';
import {
  conditionKey,
  MOST_IN_A_CROWD,
  problemMessage,
  problemOf,
  resolvedMessage,
  sortOut,
  toBeWorded,
  TOLD_ONE_BY_ONE,
  type Condition,
} from './notifications.ts';

const AT = new Date('2026-11-29T10:00:00Z');
const condition = (id: string, more: Partial<Condition> = {}): Condition => ({
  kind: 'crash-loop',
  subject: { type: 'bot', id },
  since: new Date('2026-11-29T09:00:00Z'),
  what: `Bot ${id} failed 5 times in a row`,
  why: 'It ended with exit code 1.',
  todo: ['Mend it'],
  ...more,
});
const many = (count: number): Condition[] =>
  Array.from({ length: count }, (_, index) => condition(`b${index}`));
const key = (id: string): string => conditionKey(condition(id));
/** In the words of those alone that are to be worded. */
const told = (seen: readonly Condition[], open: Parameters<typeof sortOut>[1] = []) => {
  const { fresh, lasting } = sortOut(seen, open, AT);
  const wanted = new Set(fresh.flatMap(toBeWorded).map(conditionKey));
  const words = new Map(
    seen.filter((each) => wanted.has(conditionKey(each))).map((each) => [conditionKey(each), each]),
  );
  return { lasting, wanted, problems: fresh.flatMap((each) => problemOf(each, words) ?? []) };
};

describe('what is new', () => {
  it('is what was not told; what was told lasts or is gone', () => {
    const open = [{ key: key('a') }, { key: key('b') }];
    const { problems, lasting } = told([condition('a'), condition('c')], open);
    expect(problems).toEqual([condition('c')]);
    expect([...lasting]).toEqual([key('a')]);
  });

  it('is told one by one up to a number, and beyond it as one with all names on record', () => {
    expect(told(many(TOLD_ONE_BY_ONE)).problems).toHaveLength(TOLD_ONE_BY_ONE);
    const oldest = condition('old', { since: new Date('2026-11-29T08:00:00Z'), why: 'S3 is away.' });
    const { problems } = told([...many(TOLD_ONE_BY_ONE), oldest]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      kind: 'crash-loop',
      subject: { type: 'installation', id: '' },
      since: oldest.since,
      what: '21 problems of the kind crash-loop at once',
      members: [...many(TOLD_ONE_BY_ONE), oldest].map(conditionKey),
    });
    expect(problems[0]?.why).toMatch(/^Bot b0 failed.*; and 11 more\. The oldest: S3 is away\.$/);
  });

  it('needs few words, however many there are, and is not told when none is found any more', () => {
    const oldest = condition('old', { since: new Date('2026-11-29T08:00:00Z') });
    const { wanted } = told([...many(300), oldest]);
    expect([...wanted]).toEqual([...many(10).map(conditionKey), key('old')]);
    expect(told([]).wanted.size).toBe(0);
    const { fresh } = sortOut([...many(300), condition('x', { kind: 'failed' })], [], AT);
    expect(fresh.map((each) => problemOf(each, new Map()))).toEqual([undefined, undefined]);
    const one = new Map([[key('b7'), condition('b7')]]);
    expect(fresh.map((each) => problemOf(each, one)?.why)).toEqual([
      'Bot b7 failed 5 times in a row; and 299 more. The oldest: It ended with exit code 1.',
      undefined,
    ]);
  });

  it('is told as several crowds where one would be too large for its document', () => {
    const seen = many(2 * MOST_IN_A_CROWD + 2_000);
    const { problems } = told(seen);
    expect(problems.map(({ what }) => what)).toEqual(
      Array.from({ length: 3 }, () => '4000 of 12000 problems of the kind crash-loop at once'),
    );
    expect(new Set(problems.map(conditionKey)).size).toBe(3);
    const open = problems.map((problem) => ({ key: conditionKey(problem), members: problem.members ?? [] }));
    expect(told(seen, open).problems).toEqual([]);
  });

  it('of one kind does not crowd out another', () => {
    const other = condition('x', { kind: 'failed' });
    expect(told([...many(30), other]).problems.map(({ kind }) => kind)).toEqual(['crash-loop', 'failed']);
  });

  it('is told by itself while many others last that were told together', () => {
    const crowd = told(many(30)).problems.map((problem) => ({
      key: conditionKey(problem),
      members: problem.members ?? [],
    }));
    const later = told([condition('b7'), condition('new')], crowd);
    expect(later.problems.map(conditionKey)).toEqual([key('new')]);
    expect([...later.lasting]).toEqual(crowd.map((each) => each.key));
    expect(told([condition('new')], crowd).lasting.size).toBe(0);
  });
});

describe('a message', () => {
  const telling = { installation: 'the0', dashboardUrl: 'https://the0.example.com/', at: AT };

  it('says what, since when, why, what to do and where to look', () => {
    expect(problemMessage(condition('b1'), { episode: 'e1' }, telling)).toEqual({
      version: 1,
      id: 'e1.problem',
      episode: 'e1',
      status: 'problem',
      kind: 'crash-loop',
      installation: 'the0',
      subject: { type: 'bot', id: 'b1' },
      what: 'Bot b1 failed 5 times in a row',
      why: 'It ended with exit code 1.',
      todo: ['Mend it'],
      since: '2026-11-29T09:00:00.000Z',
      at: '2026-11-29T10:00:00.000Z',
      link: 'https://the0.example.com/bots/b1',
      text: [
        '[the0] Bot b1 failed 5 times in a row (since 2026-11-29T09:00:00.000Z).',
        'It ended with exit code 1.',
        '→ Mend it',
        'https://the0.example.com/bots/b1',
      ].join('\n'),
    });
  });

  it('about the end has the same episode, an id of its own, and nothing to do', () => {
    const until = new Date('2026-11-29T09:50:00Z');
    const message = resolvedMessage(
      condition('b1'),
      { episode: 'e1', until },
      { installation: 'the0', at: AT },
    );
    expect(message).toMatchObject({
      id: 'e1.resolved',
      episode: 'e1',
      status: 'resolved',
      todo: [],
      until: until.toISOString(),
    });
    expect(message.text).toMatch(
      /^\[the0\] Over: Bot b1 failed .* until 2026-11-29T09:50:00\.000Z\)\.\nIt was said: /,
    );
    expect(message).not.toHaveProperty('link');
  });

  it('calls nobody in a chat by what strangers wrote', () => {
    const named = condition('b1', { what: 'Bot <!channel> & @here (b1)' });
    const { what, text } = problemMessage(named, { episode: 'e' }, telling);
    expect(what).toBe('Bot <!channel> & @here (b1)');
    expect(text).toContain('Bot &lt;!channel&gt; &amp; @\u200bhere (b1)');
  });
});

import { describe, expect, it } from 'vitest';
import { liveSubject } from './subject.ts';

describe('liveSubject', () => {
  it.each([
    ['ej9jmr2532vucpx5qp0p3foj', 'the0.bot.logs.ej9jmr2532vucpx5qp0p3foj'],
    ['My_Bot-1', 'the0.bot.logs.My_Bot-1'],
    ['a.b *>', 'the0.bot.logs.a_b___'],
    ['bé😀', 'the0.bot.logs.b__'],
    ['', 'the0.bot.logs.unknown'],
  ])('of %j is %s', (id, subject) => {
    expect(liveSubject(id)).toBe(subject);
  });
});

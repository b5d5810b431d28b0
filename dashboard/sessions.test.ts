import { expect, it } from 'vitest';
import { Sessions } from './sessions.ts';

const make = (over: ConstructorParameters<typeof Sessions>[0] = {}) => {
  const clock = { now: 0 };
  return { clock, sessions: new Sessions({ idleMs: 100, maxAgeMs: 1_000, now: () => clock.now, ...over }) };
};

it('knows the cookies it gave out, and no others', () => {
  const { sessions } = make();
  const cookie = sessions.create();
  const [id = '', signature = ''] = cookie.split('.');
  expect(sessions.verify(cookie)).toBe(id);
  for (const wrong of [
    undefined,
    '',
    '.',
    id,
    `${id}.`,
    `${id}.${signature}x`,
    `x${id}.${signature}`,
    make().sessions.create(),
  ])
    expect(sessions.verify(wrong), String(wrong)).toBeUndefined();
});

it('ends a session that is not used, keeps one that is, and ends that too in the end', () => {
  const { sessions, clock } = make();
  const [idle, used] = [sessions.create(), sessions.create()];
  while (clock.now < 990) {
    clock.now += 90;
    if (clock.now < 1_000) expect(sessions.verify(used)).toBeDefined();
  }
  expect(sessions.verify(idle)).toBeUndefined();
  clock.now = 1_001;
  expect(sessions.verify(used)).toBeUndefined();
});

it('holds a bounded number: the oldest gives way', () => {
  const { sessions } = make({ maxSessions: 2 });
  const [first, second, third] = [sessions.create(), sessions.create(), sessions.create()];
  expect(sessions.verify(first)).toBeUndefined();
  expect(sessions.verify(second)).toBeDefined();
  expect(sessions.verify(third)).toBeDefined();
  expect(sessions.size).toBe(2);
});

it('forgets a session at logout', () => {
  const { sessions } = make();
  const cookie = sessions.create();
  sessions.end(cookie);
  expect(sessions.verify(cookie)).toBeUndefined();
});

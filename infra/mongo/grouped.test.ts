import { describe, expect, it } from 'vitest';
import { Grouped } from './grouped.ts';

/** A server whose answers are let go by hand. */
function served(): {
  grouped: Grouped<number, string>;
  groups: number[][];
  answer: (index: number) => void;
  fail: (index: number) => void;
} {
  const groups: number[][] = [];
  const open: PromiseWithResolvers<readonly string[]>[] = [];
  const grouped = new Grouped<number, string>((requests) => {
    groups.push([...requests]);
    const answer = Promise.withResolvers<readonly string[]>();
    open.push(answer);
    return answer.promise;
  });
  return {
    grouped,
    groups,
    answer: (index) => open[index]?.resolve((groups[index] ?? []).map((request) => `answer ${request}`)),
    fail: (index) => open[index]?.reject(new Error('away')),
  };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('Grouped', () => {
  it('sends a request that comes alone at once, and what comes in the same turn along with it', async () => {
    const { grouped, groups, answer } = served();
    const both = [grouped.ask(1), grouped.ask(2)];
    await turn();
    expect(groups).toEqual([[1, 2]]);
    answer(0);
    expect(await Promise.all(both)).toEqual(['answer 1', 'answer 2']);
  });

  it('gathers what comes while two groups are under way', async () => {
    const { grouped, groups, answer } = served();
    const asked: Promise<string>[] = [];
    for (const request of [1, 2, 3, 4, 5]) {
      asked.push(grouped.ask(request));
      await turn();
    }
    expect(groups).toEqual([[1], [2]]);
    answer(1);
    await turn();
    expect(groups).toEqual([[1], [2], [3, 4, 5]]);
    answer(0);
    answer(2);
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 5].map((request) => `answer ${request}`));
  });

  it('hands a failure to every request of that group and to no other', async () => {
    const { grouped, fail, answer } = served();
    const first = grouped.ask(1);
    await turn();
    const second = grouped.ask(2);
    await turn();
    fail(0);
    await expect(first).rejects.toThrow('away');
    answer(1);
    expect(await second).toBe('answer 2');
  });

  it('never sends more than 500 together', async () => {
    const { grouped, groups, answer } = served();
    const asked = Array.from({ length: 1_200 }, (_, request) => grouped.ask(request));
    await turn();
    answer(0);
    answer(1);
    await turn();
    answer(2);
    await Promise.all(asked);
    expect(groups.map((group) => group.length)).toEqual([500, 500, 200]);
  });
});

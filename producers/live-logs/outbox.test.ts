import { describe, expect, it } from 'vitest';
import { Budget, Outbox } from './outbox.ts';

const AT = 1_700_000_000_000;
const position = (count: number) => ({ stdout: { time: 't', count } });

function box(limitBytes = 10_000, budget = new Budget(1_000_000)) {
  const lost: number[] = [];
  const outbox = new Outbox({ budget, limitBytes, onLost: (bytes) => lost.push(bytes) });
  let count = 0;
  const add = (text: string) => outbox.add(Buffer.from(text), position(++count), AT);
  const take = (most = 1_000) => outbox.take(most)?.payload.toString();
  return { outbox, add, take, lost };
}

describe('Outbox', () => {
  it('joins entries into one message, with the position after the last', () => {
    const { outbox, add } = box();
    add('one\n');
    add('two\n');
    const chunk = outbox.take(1_000);
    expect(chunk?.payload.toString()).toBe('one\ntwo\n');
    expect(chunk?.pieces.at(-1)?.position).toEqual(position(2));
    expect(outbox.isEmpty).toBe(true);
    expect(outbox.take(1_000)).toBeUndefined();
    expect(outbox.bytes).toBe(0);
  });

  it('cuts messages at the end of a line where it can', () => {
    const { add, take } = box();
    for (const text of ['aaaa\n', 'bbbb', 'cccc\n', 'dddd\n']) add(text);
    expect(take(12)).toBe('aaaa\n');
    expect(take(12)).toBe('bbbbcccc\n');
    expect(take(12)).toBe('dddd\n');
    add('a line in parts, ');
    add('longer than a message\n');
    expect(take(18)).toBe('a line in parts, ');
    expect(take(5)).toBe('longer than a message\n');
  });

  it('begins a line of its own for a mark', () => {
    const { outbox, add, take } = box();
    add('unended');
    outbox.mark('[the0] x\n');
    expect(take()).toBe('unended\n[the0] x\n');
    add('more');
    expect(take()).toBe('more');
    outbox.mark('[the0] y\n');
    expect(take()).toBe('\n[the0] y\n');
  });

  it('keeps within its space, drops the oldest, and tells how much', () => {
    const { outbox, add, take, lost } = box(100);
    for (let n = 10; n < 40; n++) add(`line ${n}.\n`);
    expect(outbox.bytes).toBeLessThanOrEqual(100);
    const text = take(10_000) ?? '';
    const [mark = '', ...lines] = text.split('\n');
    const [, told = '', bytes = ''] =
      /^\[the0\] (\d+) lines \((\d+) bytes\) are left out here/.exec(mark) ?? [];
    expect(lines.at(-2)).toBe('line 39.');
    expect(Number(told) + lines.length - 1).toBe(30);
    expect(Number(bytes)).toBe(lost.reduce((sum, n) => sum + n, 0));
    expect(outbox.bytes).toBe(0);
    expect(outbox.isEmpty).toBe(true);
  });

  it('makes room when all outboxes together hold too much', () => {
    const budget = new Budget(200);
    const a = box(10_000, budget);
    const b = box(10_000, budget);
    for (let n = 0; n < 15; n++) a.add('123456789\n');
    for (let n = 0; n < 15; n++) b.add('123456789\n');
    expect(a.outbox.bytes + b.outbox.bytes).toBeLessThanOrEqual(200);
    a.outbox.clear();
    expect(a.outbox.bytes).toBe(0);
    expect(b.take()).toMatch(/left out here/);
  });

  it('sends again what was not confirmed, in order, and says so once', () => {
    const { outbox, add, take } = box();
    add('one\n');
    for (let time = 0; time < 3; time++) {
      const chunk = outbox.take(1_000);
      if (chunk !== undefined) outbox.giveBack(chunk);
    }
    add('two\n');
    expect(take()).toBe(
      '[the0] What follows may have been shown already: the connection to NATS broke.\none\ntwo\n',
    );
    expect(outbox.bytes).toBe(0);
  });
});

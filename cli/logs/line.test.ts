import { describe, expect, it } from 'vitest';
import { readLine } from '../../model/read-line.ts';
import { showLine } from './line.ts';

const plain = { colour: false };

describe('a line', () => {
  it.each([
    ['{"timestamp":"2026-11-24T03:04:05Z","message":"hello"}', '03:04:05 hello'],
    [
      '{"level":"error","message":"no","symbol":"BTC","n":2,"timestamp":"2026-11-24T03:04:05Z"}',
      '03:04:05 no symbol=BTC n=2',
    ],
    ['{"level":30,"time":1,"msg":"pino"}', '         pino'],
    [
      '{"_metric":"price","value":1,"timestamp":1795489445000}',
      '03:04:05 {"_metric":"price","value":1,"timestamp":1795489445000}',
    ],
    ['{"message":"in seconds","timestamp":1795489445.5}', '03:04:05 in seconds'],
    ['no object', '         no object'],
    ['{"cut": ', '         {"cut": '],
    ['{"message":"odd","timestamp":"when?"}', '         odd'],
  ])('%s is shown as %s', (line, shown) => {
    expect(showLine(line, plain)).toBe(shown);
  });

  it('cannot write over the terminal', () => {
    const shown = showLine(JSON.stringify({ message: 'a\u001b[2Jb\rc' }), plain);
    expect([...shown].every((character) => character >= ' ')).toBe(true);
  });

  it('is coloured by its level', () => {
    expect(showLine('{"level":"ERROR","message":"x"}', { colour: true })).toContain('\u001b[31m');
    expect(readLine('{"level":"ERROR","message":"x"}').level).toBe('error');
  });
});

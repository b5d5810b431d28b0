import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ansiSpans } from './ansi.ts';

const ESC = '\u001b';

describe('a line of output', () => {
  it('is text as it is', () =>
    expect(ansiSpans('<b>plain</b>\t&amp;')).toEqual([{ text: '<b>plain</b>\t&amp;' }]));

  it('has its colours', () =>
    expect(ansiSpans(`a ${ESC}[1;31mred${ESC}[39m bold${ESC}[0m end`)).toEqual([
      { text: 'a ' },
      { text: 'red', bold: true, colour: 1 },
      { text: ' bold', bold: true },
      { text: ' end' },
    ]));

  it('has bright colours and those by number', () =>
    expect(ansiSpans(`${ESC}[92mgo${ESC}[38;5;3mwarn${ESC}[38;2;1;2;3mrgb${ESC}[48;5;1mground`)).toEqual([
      { text: 'go', colour: 10 },
      { text: 'warn', colour: 3 },
      { text: 'rgb', colour: 3 },
      { text: 'ground', colour: 3 },
    ]));

  it('can neither move the cursor, nor name the window, nor link anywhere', () =>
    expect(
      ansiSpans(`${ESC}[2J${ESC}[10;10Hx${ESC}]0;title\u0007y${ESC}]8;;http://x.invalid${ESC}\\z`),
    ).toEqual([{ text: 'x' }, { text: 'y' }, { text: 'z' }]));

  it('shows other control characters', () =>
    expect(ansiSpans('a\u0000b\rc\u009b')).toEqual([{ text: 'a␀b␍c\ufffd' }]));

  it('never holds an escape, whatever it is', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(ESC, '[', ']', ';', '3', '1', 'm', '\u0007', '\\', 'x', '\u009b')),
        (parts) => {
          for (const { text } of ansiSpans(parts.join('')))
            expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        },
      ),
    ));
});

/** A part of a line, and how a terminal would show it. `colour`: 0 to 15 of its sixteen. */
export type Span = { text: string; colour?: number; bold?: true };

const ESCAPES = /\u001b(?:\[([\d;:]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/** A line with its colours, all other things that it wants of a terminal left out. It is text whatever it holds. */
export function ansiSpans(line: string): Span[] {
  if (!line.includes('\u001b')) return [{ text: printable(line) }];
  const spans: Span[] = [];
  let style: Omit<Span, 'text'> = {};
  let from = 0;
  const add = (to: number): void => {
    const text = printable(line.slice(from, to));
    if (text !== '') spans.push({ text, ...style });
  };
  for (const match of line.matchAll(ESCAPES)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = styled(style, match[1] ?? '');
  }
  add(line.length);
  return spans;
}

/** Other control characters as the pictures that Unicode has for them: they stay visible, and do nothing. */
function printable(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code === 0x7f) return '\u2421';
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

function styled(before: Omit<Span, 'text'>, parameters: string): Omit<Span, 'text'> {
  let style = { ...before };
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 22) delete style.bold;
    else if (code >= 30 && code <= 37) style.colour = code - 30;
    else if (code >= 90 && code <= 97) style.colour = code - 90 + 8;
    else if (code === 39) delete style.colour;
    else if (code === 38 || code === 48) {
      // 38;5;N is one of 256: the first sixteen are those we have. 38;2;R;G;B is left out.
      const isIndexed = codes[at + 1] === 5;
      const index = codes[at + 2] ?? 16;
      if (code === 38 && isIndexed && index < 16) style.colour = index;
      at += isIndexed ? 2 : 4;
    }
  }
  return style;
}

const NARROWEST = 20;

/** The text in lines of at most so many columns, broken between words; a longer word has a line for itself. */
export function wrapped(text: string, columns: number): string[] {
  const room = Math.max(NARROWEST, columns);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Two lines of a document between which everything is generated. */
export type Markers = { begin: string; end: string };

/** The document with that text between the two lines. Throws where they are missing. */
export function withGenerated(document: string, { begin, end }: Markers, generated: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from)
    throw new Error(`The document needs the lines ${begin} and ${end}, in this order`);
  return `${document.slice(0, from + begin.length)}\n\n${generated}\n${document.slice(to)}`;
}
